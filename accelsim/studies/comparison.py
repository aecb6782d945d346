"""One accelerator against others: results that stand in run folders, and hwconfigs that are timed on the way.

Of hwconfigs that are timed, none is slower than another one with less hardware (``no_slower``): it is timed again as
that one. A run that stands keeps its figures, and the comparison warns.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig, has_at_least
from accelsim.progress import Observer
from accelsim.reports.compare import comparison
from accelsim.reports.compare.machine import machine_of
from accelsim.reports.compare.seeds import is_of_seeds, load_seeds
from accelsim.reports.compare.workloads import work_of
from accelsim.reports.result import Result
from accelsim.reports.run_folder import load
from accelsim.studies.no_slower import Timed, machines_to_run_as

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
    for index, other in _to_run_as(results).items():
        if not _stands(runs[index]):
            again = _result(runs[index], workload, settings, observer, runs_as=other)
            # A run that stands may have been made by another version, with other schedules.
            results[index] = min(results[index], again, key=_cycles)
    return results


def _to_run_as(results: Sequence[Result]) -> dict[int, HardwareConfig]:
    """Of each result that one with no more hardware is faster than, on the same work: that one's machine."""
    machines = {index: machine for index, result in enumerate(results) if (machine := machine_of(result))}
    places = list(machines)
    timed = [Timed(machines[index], _work(results[index]), _cycles(results[index])) for index in places]
    pairs = ((places[index], timed[other].hw) for index, other in machines_to_run_as(timed).items())
    return {index: other for index, other in pairs if not has_at_least(other, machines[index])}


def _cycles(result: Result) -> int:
    return int(result.summary["total_cycles"])


def _work(result: Result) -> str:
    return json.dumps(work_of(result), sort_keys=True)


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
    run: Run,
    workload: Workload | Path | str | None,
    settings: Sequence[str],
    observer: Observer | None,
    runs_as: HardwareConfig | None = None,
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

    return simulate(run, workload, settings=settings, timing_only=True, observer=observer, runs_as=runs_as)
