"""Tables for the terminal; the caller's console prints them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from accelsim.reports.critical import CRITICAL_HEADER, CRITICAL_NOTE, CRITICAL_NUMERIC, critical_rows
from accelsim.reports.hidden import HIDDEN_HEADER, HIDDEN_NUMERIC, hidden_note, hidden_rows
from accelsim.reports.phases import PHASE_HEADER, PHASE_NOTE, phase_rows
from accelsim.reports.result import Result
from accelsim.reports.summary_figures import is_complete, shown_figures
from accelsim.reports.wording import worded


def summary_table(result: Result) -> Table:
    """The figures that the run produced, each with its definition."""
    title = result.name + ("" if is_complete(result) else " (cut short)")
    table = Table(title=Text(title, style="bold"), title_justify="left")
    table.add_column("Figure")
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("Definition", style="dim")
    for figure in shown_figures(result):
        table.add_row(*(Text(text) for text in figure))
    return table


def step_tables(result: Result) -> list[Table]:
    """What the step's cycles went to: the tables that have a row."""
    tables = (phase_table(result), critical_table(result), hidden_table(result))
    return [table for table in tables if table.row_count]


def phase_table(result: Result) -> Table:
    """Cycles, stalls, traffic and energy of each phase, and their total."""
    title = worded("Phases of one training step", result)
    table = _titled(title, PHASE_NOTE, PHASE_HEADER, range(1, len(PHASE_HEADER)))
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
    table = _titled("Weight-gradient products: hidden", hidden_note(result), HIDDEN_HEADER, HIDDEN_NUMERIC)
    for row in hidden_rows(result):
        table.add_row(*(Text(text) for text in row))
    return table


def _titled(title: str, note: str, header: Sequence[str], numeric: Sequence[int]) -> Table:
    table = Table(title=title, title_justify="left", caption=note, caption_justify="left")
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index in numeric else "left")
    return table
