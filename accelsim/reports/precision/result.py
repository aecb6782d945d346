"""What a precision study leaves: tidy tables and a summary. Data alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from accelsim.reports.precision.aggregate import by_class, needed_bits


@dataclass(frozen=True)
class PrecisionResult:
    """``precision`` has a row for each step, tensor and number of bits; docs/precision.md defines every column.

    ``histograms`` are of the last step looked at; ``metrics`` those of the training.
    """

    hwconfig: dict[str, Any]
    workload: dict[str, Any]
    summary: dict[str, Any]
    precision: pd.DataFrame
    histograms: pd.DataFrame
    metrics: pd.DataFrame
    versions: dict[str, str]

    def __repr__(self) -> str:
        steps, layers = self.precision["step"].nunique(), self.precision["layer"].nunique()
        return (
            f"<Precision of {self.hwconfig['name']} on {self.workload['name']}: {len(self.precision)} rows, "
            f"of {steps} steps and {layers} layers>"
        )

    @property
    def name(self) -> str:
        return f"{self.hwconfig['name']} / {self.workload['name']}"

    @property
    def cosine(self) -> float:
        """What counts as near enough to the direction."""
        return float(self.summary["cosine"])

    @cached_property
    def by_class(self) -> pd.DataFrame:
        """Mean, standard deviation and least cosine by class and bits."""
        return by_class(self.precision)

    @cached_property
    def bits_needed(self) -> pd.DataFrame:
        """By class and layer."""
        return needed_bits(self.precision, self.cosine)
