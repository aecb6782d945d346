"""Tables for the terminal; the caller's console prints them."""

from __future__ import annotations

from rich.table import Table

from accelsim.reports.result import Result
from accelsim.reports.step_table import StepTable
from accelsim.reports.step_tables import STEP_TABLES
from accelsim.reports.summary_figures import is_complete, shown_figures
from accelsim.reports.word_table import word_table


def summary_table(result: Result, console_width: int = 160) -> Table:
    """The figures that the run produced, each with its definition."""
    title = result.name + ("" if is_complete(result) else " (cut short)")
    rows = [list(figure) for figure in shown_figures(result)]
    table = word_table(title, ["Figure", "Value", "Definition"], rows, console_width, numeric=[1])
    for column in table.columns[2:]:
        column.style = "dim"
    return table


def step_tables(result: Result, console_width: int = 160) -> list[Table]:
    """What a step did: the tables that have a row."""
    tables = (step_table(table, result, console_width) for table in STEP_TABLES)
    return [table for table in tables if table.row_count]


def step_table(shown: StepTable, result: Result, console_width: int = 160) -> Table:
    """One of them."""
    header, rows, numeric = shown.grid(result)
    return word_table(
        shown.heading(result),
        header,
        rows,
        console_width,
        numeric=numeric,
        yielding=shown.yielding,
        note=shown.note(result),
        total=shown.total,
    )
