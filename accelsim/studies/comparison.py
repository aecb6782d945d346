"""One accelerator against others: results that stand in run folders, and hwconfigs that are timed on the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig
from accelsim.progress import Observer
from accelsim.reports.compare import comparison
from accelsim.reports.compare.seeds import is_of_seeds, load_seeds
from accelsim.reports.result import Result
from accelsim.reports.run_folder import load

if TYPE_CHECKING:
    from accelsim.networks import Workload

Run = Result | HardwareConfig | Path | str


def compare(*runs: Run, workload: Workload | Path | str | None = None, settings: Sequence[str] = ()) -> pd.DataFrame:
    """Model size, memory, speed, energy and accuracy of each run, with differences and ratios to the first.

    Args:
        runs: results, run folders, folders of runs that differ in their seed alone, or accelerators and paths of their
            hwconfigs, which are timed and not trained.
        workload: of the hwconfigs.
        settings: fields to change of the hwconfigs that are timed, or of the workload, as ``mac_array.count=2``.

    Returns:
        One row a metric: ``metric``, ``unit``, then the columns of ``reports.compare.comparison``.

    Raises:
        UserError: fewer than two runs, or any input is wrong.
    """
    return comparison(gathered(runs, workload, settings))


def gathered(
    runs: Sequence[Run],
    workload: Workload | Path | str | None = None,
    settings: Sequence[str] = (),
    observer: Observer | None = None,
) -> list[Result]:
    """The results of ``runs``.

    Raises:
        UserError: fewer than two runs, or any input is wrong.
    """
    if len(runs) < 2:
        raise UserError(f"compare needs at least two runs or hwconfigs, and got {len(runs)}")
    if settings and all(_stands(run) for run in runs):
        raise UserError(f"--set {settings[0]}: changes hwconfigs that are timed, and all of these are runs that stand")
    results = []
    for run in runs:
        try:
            results.append(_result(run, workload, settings, observer))
        except UserError as error:
            if not _is_of_hwconfig(str(error), settings):
                raise
            name = run.name if isinstance(run, HardwareConfig) else run
            raise UserError(f"{name}: {error}") from error
    return results


def _is_of_hwconfig(message: str, settings: Sequence[str]) -> bool:
    """Whether the fault is that of a setting laid over a hwconfig, so that only its file's name says over which."""
    from accelsim.simulation.settings import sorted_settings

    at_fault = [setting for setting in settings if message.startswith(f"--set {setting}:")]
    try:
        return bool(at_fault and sorted_settings(at_fault)[0])
    except UserError:
        return False


def _stands(run: Run) -> bool:
    """Whether it was simulated already."""
    return isinstance(run, Result) or (isinstance(run, Path | str) and os.path.isdir(run))


def _result(
    run: Run, workload: Workload | Path | str | None, settings: Sequence[str], observer: Observer | None
) -> Result:
    if isinstance(run, Result):
        return run
    if isinstance(run, Path | str) and os.path.isdir(run):
        return load_seeds(Path(run)) if is_of_seeds(Path(run)) else load(Path(run))
    if not isinstance(run, HardwareConfig) and not os.path.exists(run):
        raise UserError(f"{run}: there is no such run folder or hwconfig file")
    if workload is None:
        name = run.name if isinstance(run, HardwareConfig) else run
        raise UserError(f"{name}: not a run folder; to compare hwconfigs give a workload with --workload")
    from accelsim.simulation import simulate  # it takes long to import, and runs that stand need none of it

    return simulate(run, workload, settings=settings, timing_only=True, observer=observer)
