"""The busy intervals of the hardware units, folded to a number that a browser can draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from accelsim.reports.figures.aggregate import label, part_labels
from accelsim.reports.palette import UNITS

MOST_BARS = 3000
"""More operations than this are folded into equal stretches of time."""


@dataclass(frozen=True)
class Interval:
    """One bar: a unit busy with one phase; ``share`` is the part of it in which the unit works."""

    row: str
    phase: str
    start: float
    end: float
    what: str
    share: float = 1.0


def intervals(layers: pd.DataFrame, most: int = MOST_BARS) -> list[Interval]:
    """Bars of the timeline, at most ``most`` of them."""
    timed = layers[layers["end_cycle"] > layers["start_cycle"]].sort_values(["start_cycle", "index"], kind="stable")
    rows = _rows(timed)
    if len(timed) <= most:
        return [
            Interval(row, phase, start, end, f"{label(layer)}, {operation}{part}")
            for row, part, phase, start, end, layer, operation in zip(
                rows,
                part_labels(timed),
                *(timed[c].tolist() for c in ("phase", "start_cycle", "end_cycle", "layer", "operation")),
                strict=True,
            )
        ]
    return _folded(timed.assign(row=rows), max(1, most // len(set(rows))))


def _rows(timed: pd.DataFrame) -> list[str]:
    """A row for each operation: its unit, numbered where several of a unit work side by side."""
    free: dict[str, list[float]] = {}
    places: list[tuple[str, int]] = []
    for unit, start, end in zip(*(timed[c].tolist() for c in ("unit", "start_cycle", "end_cycle")), strict=True):
        ends = free.setdefault(unit, [])
        place = next((i for i, busy_until in enumerate(ends) if busy_until <= start), len(ends))
        ends[place : place + 1] = [end]
        places.append((unit, place))
    return [UNITS.get(unit, str(unit)) + (f" {place + 1}" if len(free[unit]) > 1 else "") for unit, place in places]


def _folded(timed: pd.DataFrame, bins: int) -> list[Interval]:
    """Equal stretches of time, each with the phase that fills most of it; equal neighbours are joined."""
    first, last = float(timed["start_cycle"].min()), float(timed["end_cycle"].max())
    edges = np.linspace(first, last, bins + 1)
    found: list[Interval] = []
    for row, operations in timed.groupby("row", sort=False):
        kinds = operations["phase"].unique().tolist()
        busy = np.array([_busy(operations[operations["phase"] == kind], edges) for kind in kinds])
        found.extend(_joined(str(row), kinds, busy, edges))
    return found


def _busy(operations: pd.DataFrame, edges: np.ndarray) -> np.ndarray:
    """Cycles that the operations (which don't overlap) take in each stretch."""
    starts, ends = (np.sort(operations[c].to_numpy(float)) for c in ("start_cycle", "end_cycle"))
    points = np.concatenate([[0.0], np.ravel(np.column_stack([starts, ends]))])
    lengths = np.concatenate([[0.0], np.cumsum(ends - starts)])
    heights = np.concatenate([[0.0], np.ravel(np.column_stack([lengths[:-1], lengths[1:]]))])
    return np.diff(np.interp(edges, points, heights))


def _joined(row: str, kinds: list[str], busy: np.ndarray, edges: np.ndarray) -> list[Interval]:
    winner = np.where(busy.sum(axis=0) > 0, busy.argmax(axis=0), -1)
    borders = np.flatnonzero(np.diff(winner)) + 1
    bars = []
    for piece in np.split(np.arange(len(winner)), borders):
        kind = int(winner[piece[0]])
        if kind >= 0:
            start, end = float(edges[piece[0]]), float(edges[piece[-1] + 1])
            share = float(busy[:, piece].sum() / (end - start))
            bars.append(Interval(row, kinds[kind], start, end, "several operations", min(1.0, share)))
    return bars
