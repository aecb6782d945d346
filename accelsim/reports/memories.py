"""Bytes and energy of each on-chip memory: a short table for the terminal, with sizes and costs for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from accelsim.reports.result import Result
from accelsim.reports.step_table import Grid, StepTable
from accelsim.reports.units import MISSING, human_bytes, human_energy, human_number, human_percent

NOTE = (
    "Of buffers and levels, tiles on their way in and out included. A byte costs its part of an access to one word of "
    "one bank."
)
_SHORT = ["Memory", "Read", "Written", "pJ a byte", "Energy", "Share"]
_WIDE = ["Capacity", "Banks", "Word", "pJ a byte read", "pJ a byte written"]


def _grid(result: Result) -> Grid:
    """One row a memory, and their total."""
    found = result.memories
    if found.empty:
        return Grid(_SHORT, [], ())
    rows = [_cells(str(row["memory"]), row) for row in found.to_dict("records")]
    return Grid(_SHORT, [*rows, _cells("Total", _total(found))], range(1, len(_SHORT)))


def _grid_with_costs(result: Result) -> Grid:
    """The same, with what decides a byte's cost."""
    short = _grid(result)
    sizes = [_sizes(row) for row in result.memories.to_dict("records")]
    sizes += [[human_bytes(float(result.memories["capacity_bytes"].sum())), *[""] * 4]] if sizes else []
    header = [short.header[0], *_WIDE, *short.header[1:]]
    rows = [[row[0], *own, *row[1:]] for row, own in zip(short.rows, sizes, strict=True)]
    return Grid(header, rows, range(1, len(header)))


def _total(memories: pd.DataFrame) -> dict[str, float]:
    sums = memories[["read_bytes", "write_bytes", "energy_pj"]].sum()
    return {
        **{str(name): float(size) for name, size in sums.items()},
        "energy_share": 1.0 if sums["energy_pj"] else 0.0,
    }


def _cells(title: str, row: Mapping[Any, Any]) -> list[str]:
    moved, energy = float(row["read_bytes"] + row["write_bytes"]), float(row["energy_pj"])
    return [
        title,
        human_bytes(float(row["read_bytes"])),
        human_bytes(float(row["write_bytes"])),
        human_number(energy / moved) if moved else MISSING,
        human_energy(energy),
        human_percent(float(row["energy_share"])),
    ]


def _sizes(row: Mapping[Any, Any]) -> list[str]:
    costs = [human_number(float(row[f"{way}_pj_per_byte"])) for way in ("read", "write")]
    return [human_bytes(float(row["capacity_bytes"])), str(row["banks"]), f"{row['word_bits']} bit", *costs]


MEMORIES = StepTable(
    "On-chip memories", lambda _: NOTE, _grid, wide_grid=_grid_with_costs, total=True, yielding=("pJ a byte",)
)
