"""Runs many trainings side by side, one thread each, and takes up what was stopped where it stopped."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from banner_parts.settings import Setting

ROOT = Path(__file__).parents[2]
FAILED = "failed.txt"
EPOCH_SECONDS = {
    "fashion_mnist_resnet20": {"int8_range_bn": 150, "fp32": 300},
    "cifar10_resnet20": {"int8_range_bn": 130, "fp32": 260},
    "fashion_mnist_resnet110": {"int8_range_bn": 400, "flexpoint": 1000, "fp32": 700},
}
"""Measured; by workload and hwconfig."""


@dataclass(frozen=True)
class Training:
    """One setting with one seed; ``epochs`` passes over the images of ``workload``."""

    setting: Setting
    workload: str
    epochs: int
    seed: int
    runs: Path
    shared: tuple[str, ...] = ()
    """Options of every training in its table."""

    @property
    def folder(self) -> Path:
        return self.runs / f"{self.workload}-{self.epochs}" / f"{self.setting.key}-seed{self.seed}"

    @property
    def command(self) -> str:
        """Without where it writes."""
        return self.setting.command(self.workload, self.epochs, self.seed, self.shared)

    def summary(self) -> dict[str, Any] | None:
        """Its figures, once it is finished with these very options; {} where it diverged."""
        if _text(self.folder / "command.txt") != self.command:
            return None
        if (self.folder / FAILED).exists():
            return {}
        stored = _text(self.folder / "summary.json")
        found = json.loads(stored) if stored else {}
        return found if found.get("complete") else None

    def run(self, data: Path | None = None) -> None:
        """Train, from the last checkpoint where there is one; a training that diverges leaves its message."""
        started = _text(self.folder / "command.txt") == self.command
        resumes = started and (self.folder / "checkpoint.safetensors").exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "command.txt").write_text(self.command, encoding="utf-8")
        (self.folder / FAILED).unlink(missing_ok=True)
        words = shlex.split(f"{self.command} --out {shlex.quote(str(self.folder))}")[1:]
        words += ["--data", str(data)] if data else []
        # One thread each keeps all cores busy without waits, and float sums in the same order on every machine.
        done = subprocess.run(
            [sys.executable, "-m", "accelsim", *words, "--resume" if resumes else "--force", "--device", "cpu"],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if "diverged" in done.stderr:
            (self.folder / FAILED).write_text(done.stderr, encoding="utf-8")
        elif done.returncode:
            raise RuntimeError(f"{self.command}\n{done.stderr}")


def expected_seconds(training: Training) -> float:
    """About how long a training takes on one of two threads that share a Zen 4 core; a resumed one takes less."""
    return EPOCH_SECONDS[training.workload][training.setting.hwconfig] * training.epochs


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def run_all(trainings: Sequence[Training], jobs: int, data: Path | None = None) -> None:
    """Every training that isn't finished, in their order, ``jobs`` at a time."""
    pending = [training for training in trainings if training.summary() is None]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress, ThreadPoolExecutor(jobs) as pool:
        bar = progress.add_task("Trainings", total=len(trainings), completed=len(trainings) - len(pending))
        futures = {pool.submit(training.run, data): training for training in pending}
        try:
            for future in as_completed(futures):
                future.result()
                progress.advance(bar)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
