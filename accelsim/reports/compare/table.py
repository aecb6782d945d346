"""The comparison as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from accelsim.reports.compare.cells import compare_cells
from accelsim.reports.compare.labels import workload_warning
from accelsim.reports.result import Result

_STYLES = {"better": "green", "worse": "red", "": ""}
_VALUE_WIDTH = 13
"""Room that a value, a difference or a ratio takes, borders included."""
_METRIC_WIDTH = 26


def comparison_table(results: Sequence[Result], console_width: int) -> Table:
    """Human units, green where better than the first result, red where worse.

    Differences are left out where ``console_width`` has no room for them; ratios always stay.

    Raises:
        UserError: there is nothing to compare.
    """
    header, rows = compare_cells(results, differences=_has_room(len(results), console_width))
    table = Table(title="Comparison with the first run", title_justify="left", caption_justify="left")
    for index, title in enumerate(header):
        table.add_column(Text(title), justify="right" if index else "left", no_wrap=not index, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell.text, style=_STYLES[cell.verdict]) for cell in row))
    warning = workload_warning(results)
    if warning:
        table.caption = Text(f"Warning: {warning}", style="yellow")
    return table


def _has_room(results: int, console_width: int) -> bool:
    return _METRIC_WIDTH + _VALUE_WIDTH * (results + 2 * (results - 1)) <= console_width
