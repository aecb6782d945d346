"""Pieces of a page: each takes plain text, escapes it and returns HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

OPEN_ASSUMPTIONS = 3
"""Shown without a click."""
_JOINTS = re.compile(r"(?<=\w)([._+])(?=[^\W\d])")
"""Between the parts of a name; a number's point is none."""
_LONG_NAME = re.compile(r"[\w.+]{17,}")
"""Shorter ones look better whole on the next line."""


WORDS = "words"
"""Kind of the cells that go over lines, within names too, where room is short."""


class Card(NamedTuple):
    """A key figure; ``meaning`` says how it is defined."""

    title: str
    value: str
    meaning: str


class Cell(NamedTuple):
    """A table cell; ``kind`` is a style class (number, better, worse, words); a sortable table sorts by ``key``."""

    text: str
    kind: str = ""
    key: float | None = None


def escape(value: object) -> str:
    """Text for HTML."""
    return html.escape(str(value))


def breakable(value: object) -> str:
    """Text for HTML whose long names, as ``mac_array.rows+columns``, may go over lines."""
    return _LONG_NAME.sub(lambda name: _JOINTS.sub(r"\1<wbr>", name[0]), escape(value))


def cards(items: Iterable[Card]) -> str:
    """Key figures side by side."""
    return '<section class="cards">' + "".join(_card(item) for item in items) + "</section>"


def chips(items: Iterable[str]) -> str:
    """Short facts in a row."""
    return '<ul class="chips">' + "".join(f"<li>{breakable(item)}</li>" for item in items) + "</ul>"


def warning(message: str) -> str:
    """A remark that nobody should miss."""
    return f'<p class="warning" role="alert">{escape(message)}</p>'


def assumptions(items: Sequence[str], title: str = "What these figures assume") -> str:
    """The assumptions behind the key figures, right below them: the first few, the others on a click."""
    if not items:
        return ""
    first, others = items[:OPEN_ASSUMPTIONS], items[OPEN_ASSUMPTIONS:]
    more = folded(f"{len(others)} more", _listed(others)) if others else ""
    return f'<section class="panel assumptions"><h3>{escape(title)}</h3>{_listed(first)}{more}</section>'


def figure_panel(name: str, title: str, explanation: str, height: float, *, wide: bool) -> str:
    """Room for a figure, with what the reader sees in it."""
    return (
        f'<section class="panel{" wide" if wide else ""}"><h3>{escape(title)}</h3>'
        f'<p class="meaning">{escape(explanation)}</p>'
        f'<div id="{escape(name)}" style="height:{height:.0f}px"></div></section>'
    )


def table(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], *, numeric: Sequence[int] = (), last_is_total: bool = False
) -> str:
    """A table that scrolls in its own frame; the first column heads each row."""
    heads = "".join(
        f'<th scope="col"{_class("number" if i in numeric else "")}>{breakable(h)}</th>' for i, h in enumerate(header)
    )
    lines = [_row(row, numeric) for row in rows]
    if last_is_total and lines:
        lines[-1] = lines[-1].replace("<tr>", '<tr class="total">', 1)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def filterable(content: str, header: Sequence[str], by: Sequence[str]) -> str:
    """``table``'s HTML with a search field and one choice for each column of ``by``."""
    choices = "".join(
        f'<select data-column="{header.index(name)}" aria-label="{escape(name)}">'
        f'<option value="">{escape(name)}: all</option></select>'
        for name in by
    )
    search = '<input type="search" placeholder="Search" aria-label="Search the table">'
    count = '<span class="soft shown"></span>'
    return f'<div class="filterable"><div class="filters">{search}{choices}{count}</div>{content}</div>'


def sortable(content: str) -> str:
    """``table``'s HTML with heads that sort it: by the cells' keys, by their texts where they have none."""
    return content.replace("<table>", '<table class="sortable">', 1)


def folded(title: str, content: str) -> str:
    """Something that opens on a click."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _listed(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _card(item: Card) -> str:
    return (
        f'<div class="card"><div class="title">{escape(item.title)}</div><div class="value">{escape(item.value)}</div>'
        f'<div class="meaning">{breakable(item.meaning)}</div></div>'
    )


def _row(row: Sequence[Cell], numeric: Sequence[int]) -> str:
    cells = [
        f"<td{_class(('number ' if i in numeric else '') + cell.kind)}{_key(cell)}>{_text(cell)}</td>"
        for i, cell in enumerate(row)
    ]
    if cells:
        cells[0] = cells[0].replace("<td", '<th scope="row"', 1)[: -len("</td>")] + "</th>"
    return f"<tr>{''.join(cells)}</tr>"


def _text(cell: Cell) -> str:
    text = escape(cell.text)
    return _JOINTS.sub(r"\1<wbr>", text) if cell.kind == WORDS else text


def _key(cell: Cell) -> str:
    return "" if cell.key is None else f' data-key="{cell.key!r}"'


def _class(names: str) -> str:
    return f' class="{names.strip()}"' if names.strip() else ""
