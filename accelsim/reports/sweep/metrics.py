"""What the points of a sweep are measured by: entries of the comparison's metrics, with the scales of their axes."""

from __future__ import annotations

from collections.abc import Iterable
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
    ("test_accuracy", "test_loss", "train_loss", "time_per_epoch_s", "energy_per_epoch_pj", "steps", "epochs")
)
"""Figures that a step alone doesn't have."""
_BY_KEY = {metric.key: metric for metric in (*METRICS, TOTAL_AREA)}
SWEEP_METRICS = tuple(_BY_KEY[key] for key in _KEYS)
"""In the order in which they are offered."""
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
        UserError: with the nearest name.
    """
    known = dict.fromkeys([*_BY_KEY, *(figure.key for figure in SUMMARY_FIGURES)])
    for key in keys:
        if key not in known:
            raise UserError(f"{option}: no figure {key!r}{nearest(key, known)}; allowed: {', '.join(known)}")
        if timing_only and key in TRAINED:
            raise UserError(f"{option}: {key} comes from training; leave --timing-only out")


def metric_of(key: str, points: pd.DataFrame) -> Metric:
    """The metric of a column of numbers; of one that no comparison knows less is better.

    Raises:
        UserError: there is no such column.
    """
    has = [str(name) for name in points.select_dtypes("number")]
    if key not in has:
        known = [name for name in has if name in _BY_KEY]
        raise UserError(f"the sweep has no figure {key!r}{nearest(key, has)}; for instance {', '.join(known)}")
    return _BY_KEY.get(key) or Metric(key, key, "", human_count)


def shown(metric: Metric, column: pd.Series[float]) -> Shown:
    """``metric`` in the unit that suits the largest value of ``column``."""
    scales = _SCALES.get(metric.human)
    if scales is None:
        return Shown(metric, 1 / metric.factor, metric.unit)
    return Shown(metric, *scale_for(float(column.abs().max()) if column.notna().any() else 0.0, scales))


def varying(points: pd.DataFrame, least: int = 2) -> list[Metric]:
    """The metrics in which points differ, each order of merit once; if fewer than ``least``, all that they have.

    Cycles are left out where they rank points as time does, throughput where every step has as many samples.
    """
    there = [metric for metric in SWEEP_METRICS if metric.key in points and points[metric.key].notna().any()]
    differing: dict[tuple[float, ...], Metric] = {}
    for metric in there:
        if points[metric.key].nunique() > 1:
            ranks = points[metric.key].rank(ascending=not metric.higher_is_better)
            differing.setdefault(tuple(ranks.fillna(0.0)), metric)
    return list(differing.values()) if len(differing) >= least else there
