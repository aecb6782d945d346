"""The sweep in the terminal: the frontier, the best point by each metric, and the points that were refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.reports.columns import BORDERS, Columns
from accelsim.reports.compare.metrics import Metric
from accelsim.reports.recomputed import NOTE
from accelsim.reports.spread import SWEEP_MEANING as MEANING
from accelsim.reports.sweep.data import SPREAD, SweepData, value_text
from accelsim.reports.sweep.metrics import ranked_alike, varying
from accelsim.reports.sweep.pareto import best, frontier
from accelsim.reports.sweep.rivals import rivals_text, tied_text
from accelsim.reports.word_table import word_table

_FIGURES_WIDTH = 45
"""Room that the columns of figures take."""
WITHIN = "Within spread"
"""Head of the column of points within the spread."""
TIED = "Tied with"
"""Head of the column of points that are exactly as good."""
MOST_FAILED = 10
"""Refused points, and warnings, that are shown one by one."""


def frontier_table(data: SweepData, console_width: int) -> Table:
    """The points that no other beats in both metrics of ``data.pair``, with the varied fields that fit beside them."""
    x, y = data.pair
    rows = frontier(data.points, x, y)
    columns = {x.title: _cells(rows, x), y.title: _cells(rows, y)}
    columns |= _rivals(data, [(row, data.pair) for _, row in rows.iterrows()])
    columns |= _settings(data, [row for _, row in rows.iterrows()], console_width)
    title = f"Frontier of {lower(x.title)} and {lower(y.title)}: {len(rows)} of {len(data.points)} points"
    return _table(title, {"Point": [str(number) for number in rows["point"]], **columns}, console_width)


def best_table(data: SweepData, console_width: int) -> Table:
    """The best point by each metric in which points differ, the first of equal ones, with how many others are so."""
    metrics = varying(data.points)
    rows = [best(data.points, metric) for metric in metrics]
    ties = [tied_text(data.points, row, metric) for metric, row in zip(metrics, rows, strict=True)]
    columns = {
        "Best by": [metric.title for metric in metrics],
        "Value": [metric_text(metric, row) for metric, row in zip(metrics, rows, strict=True)],
        "Point": [str(row["point"]) for row in rows],
        **({TIED: ties} if any(ties) else {}),
        **_rivals(data, [(row, (metric,)) for metric, row in zip(metrics, rows, strict=True)]),
        **_settings(data, rows, console_width),
    }
    return _table("Best points", columns, console_width)


def alike_line(data: SweepData) -> str:
    """Which metrics ``best_table`` leaves out, for they rank points as another one does; empty where it has all."""
    groups = ranked_alike(data.points)
    if len(groups) != len(varying(data.points)):
        return ""
    parts = [
        f"as {lower(first.title)}: {', '.join(lower(other.title) for other in others)}"
        for first, others in groups.items()
        if others
    ]
    return f"Ranked {'; '.join(parts)}" if parts else ""


def runs_as_line(data: SweepData) -> str:
    """How many points run as a machine with less; empty where none does."""
    count = int((data.points["runs_as"] != "").sum()) if len(data.points) else 0
    runs = "1 point runs" if count == 1 else f"{count} points run"
    return f"{runs} as a machine with less hardware, which is faster (runs_as in sweep.csv)" if count else ""


def recompute_line(data: SweepData) -> str:
    """What figures of products count, where it is varied what the network recomputes."""
    return NOTE if any("recompute" in field for field in data.fields) else ""


def failed_lines(data: SweepData) -> list[str]:
    """A line for each refused point, the first ones."""
    failed = data.failed
    lines = [f"{data.label(row)}{_seed(data, row)}: {row['failed'].splitlines()[0]}" for _, row in failed.iterrows()]
    more = len(lines) - MOST_FAILED
    return lines[:MOST_FAILED] + ([f"and {more} more, in sweep.csv"] if more > 0 else [])


def warned_lines(data: SweepData) -> list[str]:
    """A line for what runs warned of, with the points that did; the first ones."""
    if "warnings" not in data.frame:
        return []
    texts = data.frame["warnings"].fillna("").astype(str)
    grouped = data.frame["point"].groupby(texts[texts != ""], sort=False)
    lines = [f"point {', '.join(map(str, points.unique()))}: {text}" for text, points in grouped]
    more = len(lines) - MOST_FAILED
    return lines[:MOST_FAILED] + ([f"and {more} more, in sweep.csv"] if more > 0 else [])


def metric_text(metric: Metric, row: pd.Series[Any]) -> str:
    """The value as text, with its standard deviation over seeds where there is one."""
    return metric.text(row[metric.key] * metric.factor, row.get(metric.key + SPREAD, math.nan) * metric.factor)


def spread_line(data: SweepData) -> str:
    """What ± and the points within the spread are; empty where each point has one seed."""
    return f"Ranked by means. {MEANING}" if data.several_seeds else ""


def lower(title: str) -> str:
    """A metric's title within a sentence."""
    return title if title[:2].isupper() else title[0].lower() + title[1:]


def _rivals(data: SweepData, ranked: Sequence[tuple[pd.Series[Any], Sequence[Metric]]]) -> dict[str, list[str]]:
    """Of each point by what ranks it, the others within the spread; no column where points have one seed each."""
    if not data.several_seeds:
        return {}
    return {WITHIN: [rivals_text(data.points, row, metrics) for row, metrics in ranked]}


def _settings(data: SweepData, rows: Sequence[pd.Series[Any]], console_width: int) -> dict[str, list[str]]:
    """A column for each varied field, or one for all where there is no room for many."""
    fields = {short: [value_text(row[name], name) for row in rows] for name, short in data.short.items()}
    if sum(len(short) + BORDERS for short in fields) < console_width - _FIGURES_WIDTH:
        return fields
    lines = zip(*([f"{short}={cell}" for cell in cells] for short, cells in fields.items()), strict=True)
    return {"Settings": ["\n".join(line) for line in lines]}


def _cells(rows: pd.DataFrame, metric: Metric) -> list[str]:
    return [metric_text(metric, row) for _, row in rows.iterrows()]


def _seed(data: SweepData, row: pd.Series[Any]) -> str:
    return f", seed {row['seed']:g}" if data.several_seeds else ""


def _table(title: str, columns: Columns, console_width: int) -> Table:
    names = list(columns)
    rows = list(zip(*columns.values(), strict=True))
    figures = [name for name in names if name not in (TIED, WITHIN) and all(c[:1].isdigit() for c in columns[name])]
    return word_table(title, names, rows, console_width, numeric=[names.index(name) for name in figures])
