"""Tables for the terminal; the caller's console prints them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.table import Table
from rich.text import Text

from accelsim.reports.critical import CRITICAL_HEADER, CRITICAL_NOTE, CRITICAL_NUMERIC, critical_rows
from accelsim.reports.dtype_rows import DTYPE_HEADER, DTYPE_NUMERIC, dtype_frame, dtype_rows
from accelsim.reports.hidden import HIDDEN_HEADER, HIDDEN_NOTE, HIDDEN_NUMERIC, hidden_rows
from accelsim.reports.phases import PHASE_HEADER, PHASE_NOTE, phase_rows
from accelsim.reports.result import Result
from accelsim.reports.summary_figures import SUMMARY_FIGURES, is_complete
from accelsim.reports.units import MISSING

_LEFT_OUT = frozenset({"elements", "bits"})
"""Columns of the dtype table that shape and format already tell."""
_WIDE_ONLY = frozenset({"layer", "phase", "bytes", "lives_in", "arithmetic"})
_WIDE = 120
"""Columns of text that the whole dtype table takes."""


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
    table = _titled("Phases of one training step", PHASE_NOTE, PHASE_HEADER, range(1, len(PHASE_HEADER)))
    rows = phase_rows(result)
    for index, row in enumerate(rows):
        table.add_row(*(Text(text) for text in row), end_section=index == len(rows) - 2)
    return table


def critical_table(result: Result) -> Table:
    """The critical path by phase and unit, and its total."""
    table = _titled("Critical path", CRITICAL_NOTE, CRITICAL_HEADER, CRITICAL_NUMERIC)
    rows = critical_rows(result)
    for index, row in enumerate(rows):
        table.add_row(*(Text(text) for text in row), end_section=index == len(rows) - 2)
    return table


def hidden_table(result: Result) -> Table:
    """Cycles of the weight-gradient products, hidden and exposed."""
    table = _titled("Weight-gradient products: hidden", HIDDEN_NOTE, HIDDEN_HEADER, HIDDEN_NUMERIC)
    for row in hidden_rows(result):
        table.add_row(*(Text(text) for text in row))
    return table


def _titled(title: str, note: str, header: Sequence[str], numeric: Sequence[int]) -> Table:
    table = Table(title=title, title_justify="left", caption=note, caption_justify="left")
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index in numeric else "left")
    return table


def dtype_table(source: Result | pd.DataFrame, layer: str | None = None, console_width: int = 160) -> Table:
    """Format, scale, rounding and place of every tensor, or of those of one layer.

    Columns that ``console_width`` has no room for are left out, and the caption says so.

    Raises:
        UserError: there is no such layer.
    """
    frame = dtype_frame(source, layer)
    kept = _dtype_columns(layer, console_width)
    table = Table(title=Text(f"Number formats{f' of {layer}' if layer else ''}"), title_justify="left")
    table.caption, table.caption_justify = _dtype_caption(frame, console_width), "left"
    for name in kept:
        table.add_column(DTYPE_HEADER[name], justify="right" if name in DTYPE_NUMERIC else "left", overflow="fold")
    for row in dtype_rows(frame):
        shown = dict(zip(DTYPE_HEADER, row, strict=True))
        shown["tensor"] = shown["tensor"].removeprefix(f"{layer}.")
        shown["arithmetic"] = shown["arithmetic"].partition(",")[0]
        table.add_row(*(Text(shown[name]) for name in kept))
    return table


def _dtype_columns(layer: str | None, console_width: int) -> list[str]:
    left_out = _LEFT_OUT | ({"layer"} if layer else set()) | (_WIDE_ONLY if console_width < _WIDE else set())
    return [name for name in DTYPE_HEADER if name not in left_out]


def _dtype_caption(frame: pd.DataFrame, console_width: int) -> str:
    by_choice = any("," in str(text) for text in frame["arithmetic"]) and console_width >= _WIDE
    parts = ["Floating-point arithmetic is by choice of the hwconfig."] if by_choice else []
    parts += ["dtypes.csv has the columns that this terminal is too narrow for."] if console_width < _WIDE else []
    return " ".join(parts)
