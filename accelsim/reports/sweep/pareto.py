"""The points that no other one beats in both of two metrics."""

from __future__ import annotations

from math import isnan
from typing import Any

import pandas as pd

from accelsim.reports.compare.metrics import Metric


def frontier(points: pd.DataFrame, x: Metric, y: Metric) -> pd.DataFrame:
    """Rows of ``points`` of which no other row is better in one metric and no worse in the other, by ``x``.

    Rows without a value of either are none. Of equal rows all are.
    """
    known = points[list(dict.fromkeys([x.key, y.key]))].dropna().astype(float)
    cost = pd.DataFrame({"x": known[x.key] * _sign(x), "y": known[y.key] * _sign(y)})
    cost = cost.sort_values(["x", "y"], kind="stable")
    first = cost["y"] < cost["y"].cummin().shift(fill_value=float("inf"))
    unbeaten = set(zip(cost["x"][first], cost["y"][first], strict=True))
    kept = [pair in unbeaten for pair in zip(cost["x"], cost["y"], strict=True)]
    found = points.loc[cost.index[kept]]
    return found if _sign(x) > 0 else found.iloc[::-1]


def tied(points: pd.DataFrame, row: pd.Series[Any], metric: Metric) -> list[int]:
    """Numbers of the other points that have the very value of ``row``."""
    alike = points[(points[metric.key] == row[metric.key]) & (points["point"] != row["point"])]
    return [int(number) for number in alike["point"]]


def _sign(metric: Metric) -> int:
    return -1 if metric.higher_is_better else 1


def best(points: pd.DataFrame, metric: Metric) -> pd.Series[Any]:
    """The row with the least of ``metric``, or the most where more is better; the first of equal ones."""
    column = (points[metric.key] * _sign(metric)).to_list()
    return points.iloc[min(range(len(column)), key=lambda place: (isnan(column[place]), column[place]))]
