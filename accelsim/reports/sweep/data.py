"""A sweep as its tables and figures take it: the tidy table, and which of its columns were varied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from accelsim.reports.compare.metrics import Metric
from accelsim.reports.field_paths import end_of_path
from accelsim.reports.sweep.metrics import SWEEP_METRICS, metric_of, usual_axes, varying
from accelsim.reports.units import scaled

SPREAD = "_spread"
"""Ends the column that holds the sample standard deviation over seeds."""
_LONGEST = 28


@dataclass(frozen=True)
class SweepData:
    """``frame`` has a row for each point and seed; ``fields`` are the columns that were varied, in order."""

    frame: pd.DataFrame
    fields: tuple[str, ...]
    assumptions: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    searched: bool = False
    """Whether points were chosen by a search, and not the whole grid."""
    asked_axes: Sequence[str] | None = None
    """Two columns of the frontier that is shown; None for the usual ones."""

    @cached_property
    def points(self) -> pd.DataFrame:
        """One row for each point that has figures: means over its seeds, with the spread of the metrics beside them."""
        fine = self.frame[self.frame["failed"] == ""]
        metrics = [metric.key for metric in SWEEP_METRICS if metric.key in fine]
        fine = fine.astype(dict.fromkeys(metrics, float))
        grouped = fine.groupby("point", sort=True)
        means = grouped.first()
        numbers = [str(name) for name in fine.select_dtypes("number") if name not in ("point", "seed", *self.fields)]
        means[numbers] = grouped[numbers].mean()
        spread = grouped[metrics].std().add_suffix(SPREAD)
        return pd.concat([means, spread, grouped.size().rename("seeds")], axis=1).reset_index()

    @property
    def axes(self) -> tuple[str, str]:
        """Columns of the frontier that chart, tables and terminal show."""
        x, y = self.asked_axes or usual_axes(self.points)
        return x, y

    @cached_property
    def pair(self) -> tuple[Metric, Metric]:
        """The metrics of ``axes``.

        Raises:
            UserError: no point has them.
        """
        x, y = (metric_of(axis, self.points) for axis in self.axes)
        return x, y

    @property
    def metrics(self) -> list[Metric]:
        """What chart and table show of each point: ``pair`` first, then the others in which points differ."""
        return list({metric.key: metric for metric in (*self.pair, *varying(self.points))}.values())

    @property
    def failed(self) -> pd.DataFrame:
        """Rows that were refused."""
        return self.frame[self.frame["failed"] != ""]

    @property
    def several_seeds(self) -> bool:
        return bool((self.frame.groupby("point").size() > 1).any())

    @cached_property
    def short(self) -> dict[str, str]:
        """Of each varied field, the end of its path: ``input.capacity_bytes``; all of it where another ends so."""
        names = {name: _short(name) for name in self.fields}
        taken = Counter(names.values())
        return {name: short if taken[short] == 1 else name for name, short in names.items()}

    def levels(self, name: str) -> list[Any]:
        """Values of a varied field: numbers by size, others in the order in which they came."""
        found = list(dict.fromkeys(self.frame[name]))
        return sorted(found) if all(isinstance(value, int | float) for value in found) else found

    def label(self, row: pd.Series[Any]) -> str:
        """``mac_array.rows+mac_array.columns=16, dram.standard=DDR4-2400``, as ``--vary`` takes the names."""
        return ", ".join(f"{name}={value_text(row[name], name)}" for name in self.fields)

    @property
    def title(self) -> str:
        """The machine and the workload, where they don't vary."""
        names = [_only(self.frame, name) for name in ("hwconfig", "workload")]
        return " on ".join(
            name or f"several {kind}s" for name, kind in zip(names, ("hwconfig", "workload"), strict=True)
        )


def value_text(value: Any, name: str) -> str:
    """A value of the varied field ``name``; of large counts of bytes the size, of a file its name."""
    if name in ("hwconfig", "workload"):
        return str(value).rsplit("/", 1)[-1].rsplit(".", 1)[0]
    if "bytes" in name and "per" not in name and isinstance(value, int) and value >= 1024:
        return scaled(value, tuple((1024.0**i, unit) for i, unit in enumerate(("B", "KiB", "MiB", "GiB"))))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _short(name: str) -> str:
    """The ends of joined paths, what they have in common once: ``mac_array.rows+columns``."""
    fields = [end_of_path(field) for field in name.split("+")]
    heads, tails = {tuple(field[:-1]) for field in fields}, {field[-1] for field in fields}
    if len(heads) == 1:
        return ".".join([*heads.pop(), "+".join(field[-1] for field in fields)])
    if len(tails) == 1:
        return ".".join(["+".join(".".join(field[:-1]) for field in fields), tails.pop()])
    return "+".join(map(".".join, fields))


def _only(frame: pd.DataFrame, column: str) -> str:
    found = set(frame[column].dropna()) if column in frame else set()
    return str(found.pop()) if len(found) == 1 else ""
