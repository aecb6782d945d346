"""A terminal table that breaks no word: where room is short, cells fold, and then columns that matter least go.

Where two columns alone have no room, their words break, but no character is lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from accelsim.reports.columns import fitting

LEAST = 2
"""Columns that stay however narrow the terminal is."""


def word_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    console_width: int,
    *,
    numeric: Collection[int] = (),
    yielding: Sequence[str] = (),
    note: str = "",
    total: bool = False,
) -> Table:
    """``rows`` below ``header`` in at most ``console_width`` characters, if two columns take no more.

    Args:
        title: stands above the table.
        header: titles of the columns, each another one.
        rows: cells.
        console_width: of the terminal, in characters.
        numeric: columns of figures, by number. They stand to the right, and go over lines last.
        yielding: titles of columns that go before others where there is no room for all, the first one first. After
            them it is the last columns of ``header``. The caption names those that went.
        note: caption.
        total: whether the last row is a sum.
    """
    widths = _widths(header, rows, console_width, numeric, yielding)
    kept = [index for index, name in enumerate(header) if name in widths]
    gone = [name for name in header if name not in widths]
    captions = [note] if note else []
    captions += [f"No room here for: {', '.join(gone).removesuffix('.')}."] if gone else []
    table = Table(title=Text(title, style="bold"), title_justify="left", caption_justify="left")
    table.caption = Text(" ".join(captions), style="table.caption") if captions else None
    for index in kept:
        name = header[index]
        justify: JustifyMethod = "right" if index in numeric else "left"
        table.add_column(Text(name), justify=justify, width=widths[name], overflow="fold")
    for number, row in enumerate(rows):
        table.add_row(*(Text(row[index]) for index in kept), end_section=total and number == len(rows) - 2)
    return table


def _widths(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    console_width: int,
    numeric: Collection[int],
    yielding: Sequence[str],
) -> dict[str, int]:
    """Widths of the columns that stay: with figures on one line, unless more columns have room where they fold."""
    order = [*(name for name in header if name not in yielding), *reversed([n for n in yielding if n in header])]
    cells = {name: [name, *(row[header.index(name)] for row in rows)] for name in order}
    widths = fitting(cells, console_width, LEAST, {header[index] for index in numeric})
    folded = fitting(cells, console_width, LEAST)
    return folded if len(folded) > len(widths) else widths
