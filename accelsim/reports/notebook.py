"""A Result in a notebook or a shell: key figures and phases, as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accelsim.reports.result import Result
from accelsim.reports.summary_figures import KEY_FIGURES, is_complete, shown_figures
from accelsim.reports.web.parts import escape


class NotebookResult(Result):
    """The Result that ``simulate`` and ``load_run`` give: it shows its key figures, not its tables and its trace."""

    def __repr__(self) -> str:
        unfinished = "" if is_complete(self) else ", cut short"
        figures = "; ".join(f"{figure.title}: {figure.value}" for figure in shown_figures(self, KEY_FIGURES))
        return f"<Result of {self.hwconfig['name']} on {self.workload['name']}{unfinished}. {figures}>"

    def _repr_html_(self) -> str:
        return notebook_view(self)


def notebook_view(result: Result) -> str:
    """A small HTML fragment that inherits the notebook's style."""
    from accelsim.reports.phases import PHASE_HEADER, phase_rows  # loads plotly, which no run needs before its page

    unfinished = "" if is_complete(result) else " <em>(cut short)</em>"
    key = shown_figures(result, KEY_FIGURES)
    figures = shown_table([figure.title for figure in key], [[figure.value for figure in key]])
    rows = phase_rows(result)
    phases = shown_table(PHASE_HEADER, rows) if rows else ""
    return f"<div><strong>{escape(result.name)}</strong>{unfinished}{figures}{phases}</div>"


def shown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A plain HTML table of texts."""
    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
