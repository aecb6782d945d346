"""The tidy table of a sweep: a row for each point and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from accelsim.studies.sweep.asked import Asked, Point
from accelsim.studies.sweep.runner import Outcome
from accelsim.studies.sweep.varied import Varied, known_value

FIRST, LAST = "point", ("runs_as", "failed", "key", "command")
"""Columns beside the varied fields and the figures."""


def sweep_table(
    asked: Asked, points: Sequence[Point], outcomes: Mapping[Point, Outcome], runs_as: Mapping[Point, Point]
) -> pd.DataFrame:
    """One row a point and seed: ``point`` (its number, from 1, shared by its seeds), each varied field, all scalar
    figures of the summary, ``total_area_um2`` (arithmetic and buffers), ``runs_as``, ``failed``, ``key`` (which names
    the point's files and its run folder) and ``command``.

    A varied field's column holds numbers where all its values are, else texts as they were given.
    """
    numbers = {values: number for number, values in enumerate(dict.fromkeys(p.values for p in points), start=1)}
    columns = {one.name: _typed(one, [p.values[place] for p in points]) for place, one in enumerate(asked.varied)}
    rows = []
    for index, point in enumerate(points):
        outcome = outcomes[point]
        summary = scalars(outcome.get("summary", {}))
        if point.seed is not None:
            summary["seed"] = point.seed
        rows.append(
            {
                FIRST: numbers[point.values],
                **{name: values[index] for name, values in columns.items()},
                **{name: value for name, value in summary.items() if name not in columns},
                "runs_as": _runs_as(asked, numbers, runs_as.get(point)) or summary.get("runs_as", ""),
                "failed": outcome.get("failed", ""),
                "key": asked.key(point),
                "command": asked.command(point),
            }
        )
    frame = pd.DataFrame({name: _whole(column) for name, column in pd.DataFrame(rows).items()})
    figures = [name for name in frame if name not in LAST]
    return frame[[*figures, *LAST]]


def _runs_as(asked: Asked, numbers: Mapping[tuple[str, ...], int], other: Point | None) -> str:
    """``point 3: mac_array.rows=16``; empty where it runs as no other point."""
    return "" if other is None else f"point {numbers[other.values]}: {asked.label(other)}"


def _whole(column: pd.Series[Any]) -> pd.Series[Any]:
    """Counts stay whole numbers where refused points have none."""
    there = column.dropna()
    counts = len(there) < len(column) and len(there) and all(isinstance(value, float) for value in there)
    return column.astype("Int64") if counts and all(float(v).is_integer() for v in there) else column


def scalars(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Figures and texts; lists of texts are left out but for warnings, and what no run of the kind has."""
    found = {name: value for name, value in summary.items() if not isinstance(value, list | dict)}
    if summary.get("warnings"):
        found["warnings"] = "; ".join(summary["warnings"])
    if "area_um2" in found:
        found["total_area_um2"] = found["area_um2"] + found["buffer_area_um2"]
    return {name: value for name, value in found.items() if value is not None}


def _typed(one: Varied, texts: Sequence[str]) -> list[Any]:
    values = list(texts) if one.is_file else [known_value(text) for text in texts]
    plain = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return values if plain else list(texts)
