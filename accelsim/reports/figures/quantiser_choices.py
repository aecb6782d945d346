"""What the reader of the quantisers' history can choose: one role in all layers, or all tensors of one layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from accelsim.reports.figures.aggregate import label, text
from accelsim.reports.palette import result_colour

MOST_LEGEND = 12
"""Lines that a legend names; beyond that colours alone tell, from the first layer to the last."""
DEPTHS = ((63, 111, 224), (168, 85, 181), (230, 130, 20))
"""Colours of the first layer, of one halfway, and of the last."""


@dataclass(frozen=True)
class Choice:
    """Tensors by their place in the table, with the name and colour that each line of them has."""

    group: str
    name: str
    places: Sequence[int]
    names: Sequence[str]
    colours: Sequence[str]

    def in_panels(self, panels: int, tensors: int, layout: Mapping[str, Any]) -> dict[str, Any]:
        """As the page's script takes it: lines are numbered panel after panel, each with all ``tensors``."""
        return {
            "group": self.group,
            "name": self.name,
            "traces": [place + panel * tensors for panel in range(panels) for place in self.places],
            "names": [*self.names] * panels,
            "colours": [*self.colours] * panels,
            "layout": {"showlegend": len(self.places) <= MOST_LEGEND, **layout},
        }


def choices(tensors: pd.DataFrame) -> list[Choice]:
    """Roles first, in the order of ``tensors`` (columns layer and role, index from 0), then layers."""
    roles = list(dict.fromkeys(tensors["role"]))
    found = []
    for role in roles:
        chosen = tensors[tensors["role"] == role]
        colours = [_between(place, len(chosen)) for place in range(len(chosen))]
        names = [label(layer) for layer in chosen["layer"]]
        found.append(
            Choice("One role in all layers", f"{_spoken(role)}, all layers", list(chosen.index), names, colours)
        )
    for layer, chosen in tensors.groupby("layer", sort=False):
        colours = [result_colour(roles.index(role)) for role in chosen["role"]]
        names = [_spoken(role) for role in chosen["role"]]
        found.append(Choice("One layer", label(layer), list(chosen.index), names, colours))
    return found


def _between(place: int, count: int) -> str:
    """Colour of a layer: from blue, the first, to orange, the last."""
    half, share = divmod(2 * place / max(1, count - 1), 1)
    ends = DEPTHS[int(half)], DEPTHS[min(int(half) + 1, len(DEPTHS) - 1)]
    mixed = (round(a + share * (b - a)) for a, b in zip(*ends, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _spoken(role: str) -> str:
    return text(role).replace("_", " ")
