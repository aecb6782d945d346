"""The page of a sweep: frontier, effects, heat map, and every point in a table that sorts and filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from accelsim.reports.compare.metrics import Metric
from accelsim.reports.figure_spec import panels
from accelsim.reports.page import footer_line
from accelsim.reports.spread import SWEEP_MEANING
from accelsim.reports.sweep.data import SPREAD, SweepData, value_text
from accelsim.reports.sweep.figures import draw_sweep
from accelsim.reports.sweep.metrics import varying
from accelsim.reports.sweep.pareto import best, frontier
from accelsim.reports.sweep.rivals import rivals_text, tied_text
from accelsim.reports.sweep.terminal import WITHIN, lower, metric_text, recompute_line, warned_lines
from accelsim.reports.web import (
    Card,
    Cell,
    assumptions,
    cards,
    chips,
    document,
    escape,
    filterable,
    sortable,
    table,
    warning,
)

CARDS = 4
"""Metrics whose best points head the page."""


def sweep_page(data: SweepData) -> str:
    """One HTML file that needs nothing else and no network; points on the frontier of ``data.pair`` are marked.

    Raises:
        UserError: no point has the figures of that frontier.
    """
    drawn = draw_sweep(data)
    body = (
        f"{_header(data)}<main>{_best(data)}{assumptions(data.assumptions)}"
        f'<h2>Charts</h2><div class="figures">{panels(drawn)}</div>{_points(data)}{_failed(data)}</main>'
        f"<footer>{footer_line(dict(data.versions))}</footer>"
    )
    return document(f"Sweep of {data.title}", body, {spec.name: figure for spec, figure in drawn})


def _header(data: SweepData) -> str:
    facts = [f"{name}: {', '.join(value_text(level, name) for level in data.levels(name))}" for name in data.fields]
    count = data.frame["point"].nunique()
    what = "points of a search" if data.searched else "points"
    if data.several_seeds:
        what += f", ranked by means over seeds. {SWEEP_MEANING}"
    refused = len(data.failed)
    failed = warning(f"Refused runs: {refused}; they are listed below.") if refused else ""
    warned = "".join(warning(f"Warning of {line}") for line in warned_lines(data))
    return (
        f"<header><h1>Sweep <span>of</span> {escape(data.title)}</h1>"
        f'<p class="soft">{count} {escape(what)}</p>{chips(facts)}{failed}{warned}</header>'
    )


def _best(data: SweepData) -> str:
    if data.points.empty:
        return ""
    rows = [(metric, best(data.points, metric)) for metric in varying(data.points)[:CARDS]]
    return cards(
        Card(
            f"Best {lower(metric.title)}",
            metric_text(metric, row),
            f"point {row['point']}: {data.label(row)}{_as_good(data, metric, row)}",
        )
        for metric, row in rows
    )


def _as_good(data: SweepData, metric: Metric, row: pd.Series[Any]) -> str:
    """What else is as good as the point that a card names."""
    ties = tied_text(data.points, row, metric)
    others = rivals_text(data.points, row, (metric,)) if data.several_seeds else ""
    return (f"; tied with {ties}" if ties else "") + (f"; within spread: {others}" if others else "")


def _points(data: SweepData) -> str:
    points = data.points
    if points.empty:
        return ""
    (x, y), metrics = data.pair, data.metrics
    marked = set(frontier(points, x, y)["point"])
    anew = bool((points["runs_as"] != "").any())
    header = ["Point", *data.short.values(), *(metric.title for metric in metrics), "Frontier"]
    header += [WITHIN] if data.several_seeds else []
    header += ["Runs as"] if anew else []
    rows = [_row(data, row, metrics, marked, anew) for _, row in points.iterrows()]
    numeric = [0, *range(1 + len(data.fields), 1 + len(data.fields) + len(metrics))]
    content = filterable(sortable(table(header, rows, numeric=numeric)), header, [*data.short.values(), "Frontier"])
    note = f"The frontier is that of {lower(x.title)} and {lower(y.title)}. A click on a column's head sorts by it."
    if data.several_seeds:
        note += f" {WITHIN}: of points on it, others that they are no better than beyond the spread, in both figures."
    if anew:
        note += " A machine that would be slower than one with less runs as that one, and leaves the rest idle."
    lines = "".join(
        f'<p class="meaning">{escape(line)}</p>' for line in (note, recompute_line(data), *_undecided(data)) if line
    )
    return f'<h2>All points</h2><section class="panel">{lines}{content}</section>'


def _undecided(data: SweepData) -> Iterator[str]:
    """Of each metric in which single runs differ, the points that the spread leaves as good as the best."""
    for metric in data.metrics if data.several_seeds else ():
        row = best(data.points, metric)
        if row.get(metric.key + SPREAD, 0.0) > 0:
            others = rivals_text(data.points, row, (metric,)) or "none"
            yield f"Best {lower(metric.title)}: point {row['point']}; within spread: {others}."


def _row(data: SweepData, row: pd.Series[Any], metrics: list[Metric], marked: set[int], anew: bool) -> list[Cell]:
    on = row["point"] in marked
    cells = [Cell(str(row["point"]), key=float(row["point"]))]
    for name in data.fields:
        levels = data.levels(name)
        cells.append(Cell(value_text(row[name], name), key=float(levels.index(row[name]))))
    cells += [Cell(metric_text(metric, row), key=float(row[metric.key])) for metric in metrics]
    cells.append(Cell("on it" if on else "", "better" if on else "", key=float(not on)))
    cells += [Cell(rivals_text(data.points, row, data.pair) if on else "")] if data.several_seeds else []
    return cells + ([Cell(row["runs_as"])] if anew else [])


def _failed(data: SweepData) -> str:
    if data.failed.empty:
        return ""
    rows = [[Cell(data.label(row)), Cell(str(row["failed"]), "message")] for _, row in data.failed.iterrows()]
    return f"<h2>Refused points</h2>{table(['Point', 'Why'], rows)}"
