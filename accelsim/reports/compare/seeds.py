"""A folder of runs that differ in nothing but their seed, as one Result of means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.errors import UserError
from accelsim.reports.compare.settings import differing_settings, shown_settings
from accelsim.reports.notebook import NotebookResult
from accelsim.reports.result import Result
from accelsim.reports.run_folder import SUMMARY_FILE, load
from accelsim.reports.spread import Seeds

PLACES = ("*", "points/*")
"""Where the runs of seeds lie: of ``simulate --seeds``, and of a sweep that varies nothing else."""


def is_of_seeds(folder: Path) -> bool:
    """Whether ``folder`` is no run itself and holds finished ones."""
    return not (folder / SUMMARY_FILE).exists() and bool(_finished(folder))


def load_seeds(folder: Path) -> Result:
    """The mean of the finished runs in ``folder``.

    Raises:
        UserError: they differ in more than their seed, or a file is broken.
    """
    finished = _finished(folder)
    runs = [load(path) for path in finished]
    begun = {path.parent for place in PLACES for path in folder.glob(f"{place}/checkpoint*")} - set(finished)
    return merged(runs, str(folder), sorted(path.name for path in begun))


def merged(runs: Sequence[Result], name: str = "", unfinished: Sequence[str] = ()) -> Result:
    """One Result with the means of ``runs``: figures and metrics; tables of the step, which is the same one, once.

    Raises:
        UserError: naming ``name``, where they differ in more than their seed.
    """
    _check_alike(runs, name)
    runs = sorted(runs, key=_seed)
    figures = pd.DataFrame([_figures(run) for run in runs]).astype(float)
    varying = [str(key) for key in figures if figures[key].nunique(dropna=False) > 1 and figures[key].notna().all()]
    spread = {key: float(figures[key].std()) for key in varying}
    summary = {**runs[0].summary, **{key: float(figures[key].mean()) for key in varying}, "seed": None}
    summary["warnings"] = [f"seed {_seed(run)}: {text}" for run in runs for text in run.summary.get("warnings") or []]
    summary["complete"] = all(run.summary.get("complete") is not False for run in runs)
    workload = {field: value for field, value in runs[0].workload.items() if field != "seed"}
    fields = {**vars(runs[0]), "workload": workload, "summary": summary, "metrics": _mean_metrics(runs)}
    return NotebookResult(**fields | {"seeds": Seeds(tuple(map(_seed, runs)), spread, tuple(unfinished))})


def _finished(folder: Path) -> list[Path]:
    return sorted(path.parent for place in PLACES for path in folder.glob(f"{place}/{SUMMARY_FILE}"))


def _figures(run: Result) -> dict[str, Any]:
    """Numbers of the summary; not the seed, which is none."""
    figures = {key: value for key, value in run.summary.items() if isinstance(value, int | float) and key != "seed"}
    return {key: value for key, value in figures.items() if not isinstance(value, bool)}


def _seed(run: Result) -> int:
    return int(run.workload.get("seed") or 0)


def _mean_metrics(runs: Sequence[Result]) -> pd.DataFrame:
    if any(run.metrics.empty for run in runs):
        return runs[0].metrics
    every = pd.concat([run.metrics.apply(pd.to_numeric) for run in runs])
    means = every.groupby("step", sort=True).mean().reset_index()
    return pd.DataFrame(means, columns=runs[0].metrics.columns)


def _check_alike(runs: Sequence[Result], name: str) -> None:
    settings = [{path: value for path, value in found.items() if path != "seed"} for found in differing_settings(runs)]
    if other := next((found for found in settings if found), None):
        raise UserError(f"{name}: holds runs that differ in more than their seed ({shown_settings(other)}); name one")
    if len({run.summary.get("steps") for run in runs}) > 1:
        steps = ", ".join(f"{run.summary.get('steps')} (seed {_seed(run)})" for run in runs)
        raise UserError(f"{name}: holds runs of different lengths, in steps: {steps}; name one")
    seeds = [_seed(run) for run in runs]
    twice = next((seed for seed in seeds if seeds.count(seed) > 1), None)
    if twice is not None:
        raise UserError(f"{name}: holds seed {twice} twice; name one run")
