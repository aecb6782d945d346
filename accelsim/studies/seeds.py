"""``train_seeds``: one accelerator on one workload, trained once for each of several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.atomic import write_atomically
from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig
from accelsim.networks import Workload
from accelsim.progress import Observer
from accelsim.reports.compare import compare_page
from accelsim.reports.compare.seeds import merged
from accelsim.reports.result import Result
from accelsim.reports.run_folder import SUMMARY_FILE
from accelsim.reports.tables import to_csv
from accelsim.simulation import simulate
from accelsim.simulation.folder import CHECKPOINT_FILE, check_folder
from accelsim.simulation.held_folder import held_folder
from accelsim.studies.seed_numbers import seed_numbers

CSV_FILE, PAGE_FILE = "seeds.csv", "report.html"
FIGURES = ("test_accuracy", "test_loss", "train_loss", "steps", "epochs", "train_images_per_s")


def train_seeds(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Path | str,
    seeds: Sequence[int] | int,
    *,
    out: Path | str,
    resume: bool = False,
    force: bool = False,
    settings: Sequence[str] = (),
    observer: Observer | None = None,
    **options: Any,
) -> Result:
    """Train ``workload`` on ``hwconfig`` once for each of ``seeds``, one after the other.

    Args:
        hwconfig, workload: as of ``simulate``.
        seeds: two or more; or how many, counted from the workload's own seed on.
        out: folder that gets a run folder ``seed_N`` for each, ``seeds.csv`` and ``report.html``.
        resume: go on with what ``out`` has: finished seeds are kept, one under way goes on, and seeds may be added.
        force: train all of them anew; with ``resume``, replace only the figures of finished ones, as ``simulate`` does.
        settings, options: as of ``simulate``, for every seed.
        observer: hears of progress.

    Returns:
        The means, with their spread in ``seeds``.

    Raises:
        UserError: any input is wrong, or ``out`` holds something else.
        KeyboardInterrupt: with a word on how to go on; what was trained is kept.
    """
    observer, folder = observer or Observer(), Path(out)
    numbers = seed_numbers(seeds, hwconfig, workload, settings)
    if len(numbers) < 2:
        raise UserError(f"--seeds: two or more are wanted, as 3 or 1,2,3; found {len(numbers)}; --seed N trains one")
    with held_folder(folder):
        _check(folder, numbers, resume=resume, force=force)
        runs = []
        for place, seed in enumerate(numbers, 1):
            observer.say(f"seed {seed}, {place} of {len(numbers)}")
            goes_on = resume and (_of(folder, seed) / CHECKPOINT_FILE).exists()
            given = {**options, "settings": settings, "observer": observer, "resume": goes_on}
            given["force"] = force or not goes_on
            try:
                runs.append(simulate(hwconfig, workload, out=_of(folder, seed), seed=seed, **given))
            except KeyboardInterrupt as error:
                hint = [f"{folder} goes on with --resume"] if _begun(folder, numbers) else []
                raise KeyboardInterrupt(*hint) from error
        found = merged(runs, str(folder))
        write_atomically(folder / CSV_FILE, to_csv(seeds_table(runs)))
        write_atomically(folder / PAGE_FILE, compare_page([found]))
    return found


def seeds_table(runs: Sequence[Result]) -> pd.DataFrame:
    """What each seed learned, a row for each."""
    return pd.DataFrame(
        [{"seed": run.workload["seed"], **{key: run.summary.get(key) for key in FIGURES}} for run in runs]
    )


def _of(folder: Path, seed: int) -> Path:
    return folder / f"seed_{seed}"


def _begun(folder: Path, seeds: Sequence[int]) -> list[int]:
    """Seeds of which there is something to go on with."""
    return [seed for seed in seeds if (_of(folder, seed) / CHECKPOINT_FILE).exists()]


def _check(folder: Path, seeds: Sequence[int], *, resume: bool, force: bool) -> None:
    """Refuse, before any work, a folder of something else, or of runs that nobody said may be overwritten.

    Raises:
        UserError: naming what is there.
    """
    for name in (SUMMARY_FILE, CHECKPOINT_FILE, "sweep.json"):
        if (folder / name).exists():
            raise UserError(f"{folder}: holds {name}, and runs of several seeds want a folder of their own")
    begun = _begun(folder, seeds)
    if resume and not begun:
        raise UserError(f"{folder}: there is no run of these seeds to resume; leave --resume out")
    for seed in seeds:
        check_folder(_of(folder, seed), resume=resume and seed in begun, force=force)
    taken = [name for name in (CSV_FILE, PAGE_FILE) if (folder / name).exists()]
    if taken and not (resume or force):
        raise UserError(f"{folder}: holds {taken[0]} already; --force overwrites it")
