"""The comparison as tables for the terminal: runs have numbers, and a legend says which is which."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from accelsim.reports.columns import BORDERS
from accelsim.reports.compare.cells import CompareCell, compare_cells
from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.compare.notes import seed_notes
from accelsim.reports.compare.warnings import comparison_warnings
from accelsim.reports.compare.workloads import workload_names
from accelsim.reports.machines import comparison_notes
from accelsim.reports.recomputed import recompute_notes
from accelsim.reports.result import Result

_STYLES = {"better": "green", "worse": "red", "": ""}
_METRIC_WIDTH = 18
"""Room that the names of metrics need at least."""
Column = list[CompareCell]


def comparison_table(results: Sequence[Result], console_width: int, settings: Sequence[str] = ()) -> Group:
    """Human units, green where better than the first result, red where worse; warnings first (``comparison_warnings``).

    Differences are left out where ``console_width`` has no room for them, and runs that don't fit beside each other
    stand below each other; ratios always stay, and no word is broken as long as one run fits. ``settings`` are those
    that were laid over all that was timed.

    Raises:
        UserError: there is nothing to compare.
    """
    whole = [column for group in _columns(results, differences=True) for column in group]
    blocks = _blocks(results, console_width, differences=_width(whole) <= console_width)
    warnings = [Text(f"Warning: {message}", style="yellow") for message in comparison_warnings(results)]
    return Group(*warnings, _legend(results, settings), *blocks)


def _legend(results: Sequence[Result], settings: Sequence[str]) -> Text:
    """The runs by number, the work that they did, and what was set for them."""
    lines = [f"{number}  {label}" for number, label in enumerate(unique_labels(results), start=1)]
    given = [f"Set: {', '.join(settings)}"] if settings else []
    notes = [*comparison_notes(results), *recompute_notes(results), *seed_notes(results)]
    return Text("\n".join([f"Workload: {workload_names(results)}", *given, *lines, *notes]))


def _blocks(results: Sequence[Result], console_width: int, *, differences: bool) -> list[Table]:
    """Tables of the metrics and the first run beside as many others as fit, at least one."""
    columns = _columns(results, differences)
    metrics, first = columns[0][0], columns[1][0]
    blocks, taken = [[metrics, first]], 0
    for group in columns[2:]:
        if taken and _width([*blocks[-1], *group]) > console_width:
            blocks.append([metrics, first])
            taken = 0
        blocks[-1] += group
        taken += 1
    return [_table(block, console_width) for block in blocks]


def _columns(results: Sequence[Result], differences: bool) -> list[list[Column]]:
    """Metrics, first run, and for each further run its value, difference and ratio; the first cell is the title."""
    header, rows = compare_cells(results, differences=differences)
    by_column: list[Column] = [[row[index] for row in rows] for index in range(len(header))]
    count, each = len(results), 2 if differences else 1
    titles = ["Metric", *(str(number) for number in range(1, count + 1))]
    for number in range(2, count + 1):
        titles += [f"{number} − 1", f"{number} ÷ 1"] if differences else [f"{number} ÷ 1"]
    titled = [[CompareCell(title), *cells] for title, cells in zip(titles, by_column, strict=True)]
    values, compared = titled[1 : count + 1], titled[count + 1 :]
    others = [[values[n], *compared[each * (n - 1) : each * n]] for n in range(1, count)]
    return [[titled[0]], [values[0]], *others]


def _width(block: Sequence[Column]) -> int:
    """What ``block`` takes at least: metrics may go over lines, values may not."""
    texts = [max(len(cell.text) for cell in column) for column in block[1:]]
    return 1 + BORDERS * len(block) + _METRIC_WIDTH + sum(texts)


def _table(block: Sequence[Column], console_width: int) -> Table:
    table = Table(title="Comparison with the first run", title_justify="left")
    fits = _width(block) <= console_width
    for index, (title, *_) in enumerate(block):
        table.add_column(
            Text(title.text), justify="right" if index else "left", overflow="fold", no_wrap=fits and bool(index)
        )
    for row in list(zip(*block, strict=True))[1:]:
        table.add_row(*(Text(cell.text, style=_STYLES[cell.verdict]) for cell in row))
    return table
