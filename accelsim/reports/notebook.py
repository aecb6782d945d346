"""How a Result shows itself in a notebook: key figures and phases, no plotly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accelsim.reports.phases import PHASE_HEADER, phase_rows
from accelsim.reports.result import Result
from accelsim.reports.summary_figures import KEY_FIGURES, is_complete, shown_figures
from accelsim.reports.web.parts import escape


def notebook_view(result: Result) -> str:
    """A small HTML fragment that inherits the notebook's style."""
    unfinished = "" if is_complete(result) else " <em>(cut short)</em>"
    key = shown_figures(result, KEY_FIGURES)
    figures = _table([figure.title for figure in key], [[figure.value for figure in key]])
    rows = phase_rows(result)
    phases = _table(PHASE_HEADER, rows) if rows else ""
    return f"<div><strong>{escape(result.name)}</strong>{unfinished}{figures}{phases}</div>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
