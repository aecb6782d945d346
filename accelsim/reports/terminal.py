"""Tables for the terminal; the caller's console prints them."""

from __future__ import annotations

import pandas as pd
from rich.table import Table
from rich.text import Text

from accelsim.reports.dtype_rows import DTYPE_HEADER, DTYPE_NUMERIC, dtype_frame, dtype_rows
from accelsim.reports.phases import PHASE_HEADER, PHASE_NOTE, phase_rows
from accelsim.reports.result import Result
from accelsim.reports.summary_figures import SUMMARY_FIGURES, is_complete
from accelsim.reports.units import MISSING

_LEFT_OUT = frozenset({"elements", "bits"})
"""Columns of the dtype table that shape and format already tell."""


def summary_table(result: Result) -> Table:
    """The figures that the run produced, each with its definition."""
    title = result.name + ("" if is_complete(result) else " (cut short)")
    table = Table(title=Text(title, style="bold"), title_justify="left")
    table.add_column("Figure")
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("Definition", style="dim")
    for figure in SUMMARY_FIGURES:
        shown = figure.shown(result)
        if shown != MISSING:
            table.add_row(Text(figure.title), Text(shown), Text(figure.meaning))
    return table


def phase_table(result: Result) -> Table:
    """Cycles, stalls, traffic and energy of each phase, and their total."""
    table = Table(title="Phases of one training step", title_justify="left", caption=PHASE_NOTE, caption_justify="left")
    for index, title in enumerate(PHASE_HEADER):
        table.add_column(title, justify="right" if index else "left")
    rows = phase_rows(result)
    for index, row in enumerate(rows):
        table.add_row(*(Text(text) for text in row), end_section=index == len(rows) - 2)
    return table


def dtype_table(source: Result | pd.DataFrame, layer: str | None = None) -> Table:
    """Format, scale, rounding and place of every tensor, or of those of one layer.

    Raises:
        UserError: there is no such layer.
    """
    frame = dtype_frame(source, layer)
    table = Table(title=Text(f"Number formats{f' of {layer}' if layer else ''}"), title_justify="left")
    kept = [name for name in DTYPE_HEADER if name not in _LEFT_OUT and not (layer and name == "layer")]
    for name in kept:
        table.add_column(DTYPE_HEADER[name], justify="right" if name in DTYPE_NUMERIC else "left", overflow="fold")
    positions = [list(DTYPE_HEADER).index(name) for name in kept]
    for row in dtype_rows(frame):
        table.add_row(*(Text(row[position]) for position in positions))
    return table
