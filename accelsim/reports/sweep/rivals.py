"""Which other points are as good as the best one: those of the very value, and those that the spread leaves so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from accelsim.reports.compare.metrics import Metric
from accelsim.reports.spread import within_spread
from accelsim.reports.sweep.data import SPREAD
from accelsim.reports.sweep.pareto import tied

MOST_LISTED = 6


def rivals(points: pd.DataFrame, row: pd.Series[Any], metrics: Sequence[Metric]) -> list[int]:
    """Numbers of the other points that ``row`` is no better than beyond the spread, in all of ``metrics``.

    They are within the spread in one of them at least, and in every other one within it or no worse.
    """
    found = []
    for _, other in points.iterrows():
        judged = [_judged(other, row, metric) for metric in metrics]
        if other["point"] != row["point"] and all(judged) and "within" in judged:
            found.append(int(other["point"]))
    return found


def rivals_text(points: pd.DataFrame, row: pd.Series[Any], metrics: Sequence[Metric]) -> str:
    """``2, 5``; empty where there are none."""
    return _listed(rivals(points, row, metrics))


def tied_text(points: pd.DataFrame, row: pd.Series[Any], metric: Metric) -> str:
    """``2 others: 4, 7``, points that have the very value of ``row``; empty where it is the only one."""
    found = tied(points, row, metric)
    return f"{len(found)} other{'s' * (len(found) > 1)}: {_listed(found)}" if found else ""


def _listed(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - MOST_LISTED} more" if len(numbers) > MOST_LISTED else ""
    return ", ".join(map(str, numbers[:MOST_LISTED])) + more


def _judged(other: pd.Series[Any], row: pd.Series[Any], metric: Metric) -> str:
    """``within`` the spread, ``no worse``, or nothing."""
    value, mean = float(other[metric.key]), float(row[metric.key])
    spreads = [float(one.get(metric.key + SPREAD, math.nan)) for one in (other, row)]
    if within_spread(value, spreads[0], mean, spreads[1]):
        return "within"
    return "no worse" if (value >= mean if metric.higher_is_better else value <= mean) else ""
