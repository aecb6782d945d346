"""What every page's list of figures is made of, whatever they are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import plotly.graph_objects as go

from accelsim.reports.web import figure_panel

T = TypeVar("T")


@dataclass(frozen=True)
class FigureSpec(Generic[T]):
    """A figure of a page; ``draw`` returns None where its subject has nothing to show.

    ``adds`` is what the explanation says besides of what is drawn of a subject.
    """

    name: str
    title: str
    explanation: str
    draw: Callable[[T], go.Figure | None]
    wide: bool = True
    adds: Callable[[T], str] | None = None

    def explained(self, subject: T) -> FigureSpec[T]:
        """The same, with the explanation that holds for ``subject``."""
        return self if self.adds is None else replace(self, explanation=f"{self.explanation} {self.adds(subject)}")


Drawn = list[tuple[FigureSpec[T], go.Figure]]


def drawn(specs: Iterable[FigureSpec[T]], subject: T) -> Drawn[T]:
    """The figures that ``subject`` has something to show in, in page order."""
    found = ((spec, spec.draw(subject)) for spec in specs)
    return [(spec.explained(subject), figure) for spec, figure in found if figure is not None]


def panels(figures: Sequence[tuple[FigureSpec[T], go.Figure]], say: Callable[[str], str] = str) -> str:
    """Room for each figure; ``say`` puts title and explanation in the words of the page."""
    return "".join(
        figure_panel(spec.name, say(spec.title), say(spec.explanation), float(figure.layout.height), wide=spec.wide)
        for spec, figure in figures
    )
