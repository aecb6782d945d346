"""What a comparison compares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.reports.result import Result
from accelsim.reports.units import (
    Human,
    human_accuracy_points,
    human_area,
    human_bytes,
    human_count,
    human_energy,
    human_energy_delay,
    human_number,
    human_points,
    human_rate,
    human_seconds,
    human_throughput,
    human_tops,
    human_tops_per_w,
)


@dataclass(frozen=True)
class Metric:
    """One row; ``factor`` turns the summary's value into ``unit`` (fractions become percent).

    ``higher_is_better`` is None where neither way is a merit of its own. ``charted`` metrics have bars in the chart of
    ratios; the others would repeat them, or belong to the hwconfig and not to the step.
    """

    key: str
    title: str
    unit: str
    human: Human
    higher_is_better: bool | None = False
    factor: float = 1.0
    charted: bool = True

    def value(self, result: Result) -> float:
        """The value in ``unit``; NaN where the run has none."""
        found = result.summary.get(self.key)
        return math.nan if found is None else float(found) * self.factor

    def spread(self, result: Result) -> float:
        """Standard deviation over seeds, in ``unit``; NaN where it isn't known."""
        if result.seeds is None or len(result.seeds.numbers) < 2:
            return math.nan
        return result.seeds.spread.get(self.key, 0.0) * self.factor

    def text(self, value: float, spread: float = math.nan) -> str:
        """``97.20 % ± 0.31 pp``, for a value and a spread in ``unit``; the spread is left out where there is none."""
        shown = self.human(value)
        return f"{shown} ± {self.human(spread, value).replace(' %', ' pp')}" if spread > 0 else shown

    def difference(self, value: float, base: float) -> str:
        """``value`` - ``base`` as text, in the unit of the larger one; of percents, in percentage points."""
        change = value - base
        shown = self.human(change, max(abs(value), abs(base))).replace(" %", " pp")
        return f"+{shown}" if change > 0 else shown


METRICS = (
    Metric("test_accuracy", "Test accuracy", "%", human_accuracy_points, True, 100.0),
    Metric("test_loss", "Test loss", "nats", human_number),
    Metric("train_loss", "Train loss", "nats", human_number),
    Metric("total_cycles", "Cycles per step", "cycles", human_count),
    Metric("time_per_step_s", "Time per step", "s", human_seconds),
    Metric("time_per_epoch_s", "Time per epoch", "s", human_seconds),
    Metric("samples_per_s", "Samples per second", "1/s", human_throughput, True),
    Metric("tokens_per_s", "Tokens per second", "1/s", human_throughput, True, charted=False),
    Metric("energy_per_step_pj", "Energy per step", "pJ", human_energy),
    Metric("energy_low_pj", "Energy per step, low", "pJ", human_energy, charted=False),
    Metric("energy_high_pj", "Energy per step, high", "pJ", human_energy, charted=False),
    Metric("energy_static_pj", "Static energy", "pJ", human_energy, charted=False),
    Metric("energy_per_epoch_pj", "Energy per epoch", "pJ", human_energy),
    Metric("tops_per_w", "Energy efficiency", "TOPS/W", human_tops_per_w, True),
    Metric("energy_delay_product_j_s", "Energy-delay product", "J s", human_energy_delay),
    Metric("model_size_bytes", "Model size", "bytes", human_bytes),
    Metric("training_memory_bytes", "Training memory", "bytes", human_bytes),
    Metric("dram_bytes_per_step", "DRAM traffic per step", "bytes", human_bytes),
    Metric("dram_bandwidth_bytes_per_s", "DRAM bandwidth used", "bytes/s", human_rate, None),
    Metric("dram_peak_bytes_per_s", "DRAM bandwidth peak", "bytes/s", human_rate, None, charted=False),
    Metric("achieved_tops", "Compute rate achieved", "TOPS", human_tops, True, charted=False),
    Metric("peak_tops", "Compute rate peak", "TOPS", human_tops, None, charted=False),
    Metric("mac_utilisation", "MAC utilisation", "%", human_points, True, 100.0),
    Metric("weight_product_hidden_share", "Weight-gradient products hidden", "%", human_points, None, 100.0),
    Metric("scaling_efficiency", "Scaling efficiency", "%", human_points, True, 100.0, charted=False),
    Metric("all_reduce_exposed_share", "All-reduce exposed", "%", human_points, None, 100.0, charted=False),
    Metric("area_um2", "Silicon area", "µm²", human_area),
    Metric("buffer_area_um2", "Buffer area", "µm²", human_area),
)
"""Rows of every comparison, in order."""

CHARTED = tuple(metric for metric in METRICS if metric.charted)
"""Those that the chart of ratios has bars for."""


def better_way(metrics: Sequence[Metric]) -> str:
    """Which way is better, of ``metrics``, in a sentence."""
    more = ", ".join(metric.title for metric in metrics if metric.higher_is_better)
    neither = ", ".join(metric.title for metric in metrics if metric.higher_is_better is None)
    parts = [f"of these more is: {more}"] if more else []
    parts += [f"neither way is a merit of its own of: {neither}"] if neither else []
    return f"Less is better{', but ' if parts else ''}{'; and '.join(parts)}."
