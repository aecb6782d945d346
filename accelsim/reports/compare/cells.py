"""The comparison as readable cells, each with its verdict: one form for terminal and page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from accelsim.reports.compare.frame import ratio
from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.compare.metrics import METRICS, Metric
from accelsim.reports.result import Result
from accelsim.reports.spread import within_spread
from accelsim.reports.units import MISSING, human_ratio

Verdict = Literal["", "better", "worse"]
ALIKE = " ≈"
"""Ends a difference that is within the spread over seeds (``spread.MEANING``)."""
SAME = 0.005
"""Relative difference below which two values count as equal."""


class CompareCell(NamedTuple):
    """Text and whether it is better or worse than the first result's."""

    text: str
    verdict: Verdict = ""


def compare_cells(results: Sequence[Result], *, differences: bool = True) -> tuple[list[str], list[list[CompareCell]]]:
    """Header and rows; metrics that no run has are left out."""
    labels = unique_labels(results)
    header = ["Metric", *labels]
    for label in labels[1:]:
        header += [f"{label} difference", f"{label} ratio"] if differences else [f"{label} ratio"]
    rows = [_row(metric, results, differences) for metric in METRICS]
    return header, [row for row in rows if any(cell.text != MISSING for cell in row[1:])]


def verdict(metric: Metric, value: float, base: float) -> Verdict:
    """Better or worse than ``base``; an empty string when equal, unknown, or neither way is better."""
    change = value - base
    if metric.higher_is_better is None or not abs(change) > SAME * abs(base):
        return ""
    return "better" if (change > 0) == metric.higher_is_better else "worse"


def _row(metric: Metric, results: Sequence[Result], differences: bool) -> list[CompareCell]:
    (base, base_spread), *others = pairs = [(metric.value(result), metric.spread(result)) for result in results]
    cells = [CompareCell(metric.title), *(CompareCell(metric.text(value, spread)) for value, spread in pairs)]
    for value, spread in others:
        alike = within_spread(value, spread, base, base_spread)
        judged: Verdict = "" if alike else verdict(metric, value, base)
        if differences:
            cells.append(CompareCell(metric.difference(value, base) + (ALIKE if alike else ""), judged))
        cells.append(CompareCell(human_ratio(ratio(value, base)) + (ALIKE if alike else ""), judged))
    return cells
