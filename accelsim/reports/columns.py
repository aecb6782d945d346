"""Widths of a terminal table's columns: no word is broken, and lines are as few as the room allows.

They are in places of the terminal, of which some characters take two, and others none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rich.cells import cell_len

BORDERS = 3
"""Characters that a column takes beside its text: a line and two spaces."""
Columns = Mapping[str, Sequence[str]]
"""Cells by column, the title first."""


def fitting(
    columns: Columns, console_width: int, least: int = 1, whole: Collection[str] = frozenset()
) -> dict[str, int]:
    """Widths of as many of ``columns`` as fit, the first ones first; never fewer than ``least`` of them.

    Cells of the columns in ``whole`` stay on one line; their titles may fold.
    """
    room = console_width - 1
    widths: dict[str, int] = {}
    for name, cells in columns.items():
        title, *rest = cells
        word = max(map(cell_len if name in whole else _longest_word, rest), default=0)
        word = max(word, _longest_word(title))
        if len(widths) < least or word + BORDERS <= room:
            widths[name] = word
            room -= word + BORDERS
    return _widened({name: columns[name] for name in widths}, widths, room)


def _widened(columns: Columns, widths: dict[str, int], room: int) -> dict[str, int]:
    """Share ``room`` out, a character at a time to the column that takes the most lines."""
    longest = {
        name: max(cell_len(line) for cell in cells for line in cell.split("\n")) for name, cells in columns.items()
    }
    widths = dict(widths)
    for _ in range(room):
        cramped = [name for name in widths if widths[name] < longest[name]]
        if not cramped:
            break
        widths[max(cramped, key=lambda name: longest[name] / widths[name])] += 1
    return widths


def _longest_word(cell: str) -> int:
    return max((cell_len(word) for word in cell.split()), default=0)
