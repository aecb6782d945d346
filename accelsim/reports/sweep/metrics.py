"""What the points of a sweep are measured by: entries of the comparison's metrics, with the scales of their axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from accelsim.errors import UserError, nearest
from accelsim.reports.compare.metrics import METRICS, Metric
from accelsim.reports.summary_figures import SUMMARY_FIGURES
from accelsim.reports.units import (
    AREA_UM2,
    BYTES,
    COUNT,
    ENERGY_PJ,
    JOULE_SECONDS,
    SECONDS,
    Human,
    Scale,
    human_area,
    human_bytes,
    human_count,
    human_energy,
    human_energy_delay,
    human_seconds,
    human_throughput,
    scale_for,
)

TOTAL_AREA = Metric("total_area_um2", "Area, arithmetic and buffers", "µm²", human_area)
_KEYS = (
    "time_per_step_s",
    "energy_per_step_pj",
    "energy_delay_product_j_s",
    TOTAL_AREA.key,
    "dram_bytes_per_step",
    "training_memory_bytes",
    "model_size_bytes",
    "test_accuracy",
    "test_loss",
    "total_cycles",
    "samples_per_s",
    "tokens_per_s",
    "mac_utilisation",
    "tops_per_w",
    "time_per_epoch_s",
    "energy_per_epoch_pj",
)
TRAINED = frozenset(
    (
        "test_accuracy",
        "test_loss",
        "train_loss",
        "time_per_epoch_s",
        "energy_per_epoch_pj",
        "steps",
        "epochs",
        "train_images_per_s",
    )
)
"""Figures that a step alone doesn't have."""
_PARTS = (
    *(f"energy_dram_{part}_pj" for part in ("low", "high", "activate", "read", "write", "io", "static")),
    *(f"weight_product_{part}" for part in ("held_cycles", "alone_cycles", "extension_cycles", "beside_share")),
)
"""Figures that only the summary and the table have."""
_BY_KEY = {metric.key: metric for metric in (*METRICS, TOTAL_AREA)}
SWEEP_METRICS = tuple(_BY_KEY[key] for key in _KEYS)
"""In the order in which they are offered."""
FIGURES = tuple(
    key
    for key in dict.fromkeys((*_KEYS, *_BY_KEY, *(figure.key for figure in SUMMARY_FIGURES), *_PARTS))
    if key != "seed"
)
"""Columns of numbers that a table of points can have, in the order in which they are offered."""
_SCALES: dict[Human, tuple[Scale, ...]] = {
    human_seconds: SECONDS,
    human_energy: ENERGY_PJ,
    human_energy_delay: JOULE_SECONDS,
    human_area: AREA_UM2,
    human_bytes: BYTES,
    human_count: COUNT,
    human_throughput: tuple((divisor, f"{unit}/s") for divisor, unit in COUNT),
}


@dataclass(frozen=True)
class Shown:
    """A metric in one unit for a whole axis."""

    metric: Metric
    divisor: float
    unit: str

    @property
    def title(self) -> str:
        return f"{self.metric.title} ({self.unit})" if self.unit else self.metric.title

    def values(self, column: pd.Series[float]) -> list[float]:
        """A column of the table in that unit, to six digits."""
        return [float(f"{value / self.divisor:.6g}") for value in column]

    def text(self, value: float) -> str:
        """A value of the table, readable."""
        return self.metric.human(value * self.metric.factor)


def check_figures(option: str, keys: Iterable[str], *, timing_only: bool) -> None:
    """Refuse, before any work, columns that no run has, or none that isn't trained.

    Raises:
        UserError: with the nearest name, and those that can be used.
    """
    for key in keys:
        if key in TRAINED and timing_only:
            raise UserError(f"{option}: {key} comes from training; leave --timing-only out")
        if key not in FIGURES:
            usable = [name for name in FIGURES if not (timing_only and name in TRAINED)]
            raise UserError(f"{option}: no figure {key!r}{_meant(key, usable)}; allowed: {', '.join(usable)}")


def check_axes(keys: Sequence[str], *, timing_only: bool) -> None:
    """Refuse, before any work, anything but two columns that a run has.

    Raises:
        UserError: in the words of ``--frontier``.
    """
    if len(keys) != 2 or keys[0] == keys[1]:
        found = ",".join(keys)
        raise UserError(f"--frontier {found}: two columns are wanted, as time_per_step_s,energy_per_step_pj")
    check_figures("--frontier", keys, timing_only=timing_only)


def usual_axes(points: pd.DataFrame) -> tuple[str, str]:
    """Columns of the frontier where none are asked for: time, and accuracy where points trained, else energy."""
    trained = "test_accuracy" in points and points["test_accuracy"].notna().any()
    return "time_per_step_s", "test_accuracy" if trained else "energy_per_step_pj"


def _meant(key: str, known: Iterable[str]) -> str:
    """The first metric that has ``key`` in its name, or else the nearest one of ``known``."""
    known = list(known)
    named = [name for name in _KEYS if name in known and len(key) > 2 and key in name]
    return f" (did you mean {named[0]!r}?)" if named else nearest(key, known)


def metric_of(key: str, points: pd.DataFrame) -> Metric:
    """The metric of a column of numbers; of one that no comparison knows less is better.

    Raises:
        UserError: there is no such column.
    """
    has = [str(name) for name in points.select_dtypes("number")]
    if key not in has:
        known = [name for name in has if name in _BY_KEY]
        raise UserError(f"the sweep has no figure {key!r}{_meant(key, has)}; for instance {', '.join(known)}")
    return _BY_KEY.get(key) or Metric(key, key, "", human_count)


def shown(metric: Metric, column: pd.Series[float]) -> Shown:
    """``metric`` in the unit that suits the largest value of ``column``."""
    scales = _SCALES.get(metric.human)
    if scales is None:
        return Shown(metric, 1 / metric.factor, metric.unit)
    return Shown(metric, *scale_for(float(column.abs().max()) if column.notna().any() else 0.0, scales))


def ranked_alike(points: pd.DataFrame) -> dict[Metric, list[Metric]]:
    """The metrics in which points differ, each order of merit once, with the others that rank points as it does.

    So do cycles and time, and throughput where every step has as many samples.
    """
    differing: dict[tuple[float, ...], list[Metric]] = {}
    for metric in _there(points):
        if points[metric.key].nunique() > 1:
            ranks = points[metric.key].rank(ascending=not metric.higher_is_better)
            differing.setdefault(tuple(ranks.fillna(0.0)), []).append(metric)
    return {first: others for first, *others in differing.values()}


def varying(points: pd.DataFrame, least: int = 2) -> list[Metric]:
    """The keys of ``ranked_alike``; if fewer than ``least``, all metrics that the points have."""
    differing = list(ranked_alike(points))
    return differing if len(differing) >= least else _there(points)


def _there(points: pd.DataFrame) -> list[Metric]:
    return [metric for metric in SWEEP_METRICS if metric.key in points and points[metric.key].notna().any()]
