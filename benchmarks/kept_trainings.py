"""Trainings that are kept by the command that made them: many side by side, and what was stopped goes on.

What one came to is read from its run folder where that is there, else from the data file beside the report.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from training_records import Records

ROOT = Path(__file__).parents[1]
FAILED = "failed.txt"
COMMAND = "command.txt"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


RECORDS = "trainings.csv"
FACTS = ("test_accuracy", "steps", "images_per_step", "train_images_per_s")


def summarised(folder: Path) -> dict[str, Any]:
    """The figures of a finished run that tables show, from its summary."""
    found = json.loads(_text(folder / "summary.json"))
    return {name: found[name] for name in FACTS}


@dataclass(frozen=True)
class Store:
    """Where the trainings of one report are kept."""

    runs: Path
    """Folder of their run folders, for this machine alone."""
    records: Records
    """Data file under version control."""
    measure: Callable[[Path], dict[str, Any]] = summarised
    """What is read from a finished run's folder and kept."""


@dataclass(frozen=True)
class KeptTraining:
    """``accelsim simulate ...``, without where it writes, and its run folder."""

    command: str
    name: str
    """Of its run folder."""
    labels: Mapping[str, object]
    """Its ``LABELS`` in the data file."""
    store: Store

    @property
    def folder(self) -> Path:
        return self.store.runs / self.name

    def facts(self) -> dict[str, Any] | None:
        """What it came to; {} where it diverged, None where neither a run folder nor the data file has it."""
        found = self.measured()
        return self.store.records.facts(self.command) if found is None else found

    def measured(self) -> dict[str, Any] | None:
        """The same from its run folder alone, once it is finished there by this very command."""
        if not self._begun:
            return None
        if (self.folder / FAILED).exists():
            return {}
        stored = _text(self.folder / "summary.json")
        return self.store.measure(self.folder) if stored and json.loads(stored).get("complete") else None

    def run(self, data: Path | None = None) -> None:
        """Train, from the last checkpoint where there is one; a training that diverges leaves its message."""
        resumes = self._begun and (self.folder / "checkpoint.safetensors").exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / COMMAND).write_text(self.command, encoding="utf-8")
        (self.folder / FAILED).unlink(missing_ok=True)
        words = shlex.split(f"{self.command} --out {shlex.quote(str(self.folder))}")[1:]
        words += ["--data", str(data)] if data else []
        # One thread each keeps all cores busy without waits, and float sums in the same order on every machine.
        done = subprocess.run(
            [sys.executable, "-m", "accelsim", *words, "--resume" if resumes else "--force", "--device", "cpu"],
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(THREADS, "1")},
            capture_output=True,
            text=True,
            check=False,
        )
        if "diverged" in done.stderr:
            (self.folder / FAILED).write_text(done.stderr, encoding="utf-8")
        elif done.returncode:
            raise RuntimeError(f"{self.command}\n{done.stderr}")

    @property
    def _begun(self) -> bool:
        return _text(self.folder / COMMAND) == self.command


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def run_all(trainings: Sequence[KeptTraining], jobs: int = os.cpu_count() or 1, data: Path | None = None) -> None:
    """Every training that isn't finished, in their order, ``jobs`` at a time."""
    pending = [training for training in trainings if training.facts() is None]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress, ThreadPoolExecutor(jobs) as pool:
        bar = progress.add_task("Trainings", total=len(trainings), completed=len(trainings) - len(pending))
        futures = [pool.submit(training.run, data) for training in pending]
        try:
            for future in as_completed(futures):
                future.result()
                progress.advance(bar)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def record_all(trainings: Sequence[KeptTraining]) -> None:
    """Take what run folders hold into the data file; other rows stay as they are."""
    changed = False
    for training in trainings:
        facts = training.measured()
        if facts is not None:
            training.store.records.put(training.labels, training.command, facts)
            changed = True
    if changed:
        trainings[0].store.records.write()
