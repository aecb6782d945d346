"""Tables for the terminal; the caller's console prints them."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from accelsim.reports.result import Result
from accelsim.reports.step_table import StepTable
from accelsim.reports.step_tables import STEP_TABLES
from accelsim.reports.summary_figures import is_complete, shown_figures


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
    """What a step did: the tables that have a row."""
    tables = (step_table(table, result) for table in STEP_TABLES)
    return [table for table in tables if table.row_count]


def step_table(shown: StepTable, result: Result) -> Table:
    """One of them."""
    header, rows, numeric = shown.grid(result)
    note = shown.note(result)
    table = Table(title=shown.heading(result), title_justify="left", caption=note, caption_justify="left")
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index in numeric else "left")
    for index, row in enumerate(rows):
        table.add_row(*(Text(text) for text in row), end_section=shown.total and index == len(rows) - 2)
    return table
