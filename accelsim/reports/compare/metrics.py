"""What a comparison compares."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from accelsim.reports.result import Result
from accelsim.reports.units import (
    human_area,
    human_bytes,
    human_count,
    human_energy,
    human_number,
    human_points,
    human_rate,
    human_seconds,
)


@dataclass(frozen=True)
class Metric:
    """One row; ``factor`` turns the summary's value into ``unit`` (fractions become percent).

    ``higher_is_better`` is None where neither way is a merit of its own.
    """

    key: str
    title: str
    unit: str
    human: Callable[[float | None], str]
    higher_is_better: bool | None = False
    factor: float = 1.0

    def value(self, result: Result) -> float:
        """The value in ``unit``; NaN where the run has none."""
        found = result.summary.get(self.key)
        return math.nan if found is None else float(found) * self.factor

    def difference(self, value: float) -> str:
        """A signed difference as text; of percents, in percentage points."""
        shown = self.human(value).replace(" %", " pp")
        return f"+{shown}" if value > 0 else shown


METRICS = (
    Metric("test_accuracy", "Test accuracy", "%", human_points, True, 100.0),
    Metric("train_loss", "Train loss", "nats", human_number),
    Metric("total_cycles", "Cycles per step", "cycles", human_count),
    Metric("time_per_step_s", "Time per step", "s", human_seconds),
    Metric("time_per_epoch_s", "Time per epoch", "s", human_seconds),
    Metric("energy_per_step_pj", "Energy per step", "pJ", human_energy),
    Metric("energy_per_epoch_pj", "Energy per epoch", "pJ", human_energy),
    Metric("model_size_bytes", "Model size", "bytes", human_bytes),
    Metric("training_memory_bytes", "Training memory", "bytes", human_bytes),
    Metric("dram_bytes_per_step", "DRAM traffic per step", "bytes", human_bytes),
    Metric("dram_bandwidth_bytes_per_s", "DRAM bandwidth used", "bytes/s", human_rate, None),
    Metric("mac_utilisation", "MAC utilisation", "%", human_points, True, 100.0),
    Metric("weight_product_hidden_share", "Weight-gradient products hidden", "%", human_points, None, 100.0),
    Metric("area_um2", "Silicon area", "µm²", human_area),
)
"""Rows of every comparison, in order."""
