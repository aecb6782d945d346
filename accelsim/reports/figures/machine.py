"""A drawing of the machine: memories and units from DRAM inwards, and how busy the step kept each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from accelsim.reports.figures.aggregate import text
from accelsim.reports.figures.machine_blocks import Block, columns
from accelsim.reports.figures.style import points, styled, unchecked
from accelsim.reports.palette import GRID, OTHER, component_colour, faded
from accelsim.reports.plain import to_yaml
from accelsim.reports.result import Result

WIDTHS = {"dram": 16, "level": 16, "buffers": 18, "units": 36}
"""Of columns, in no unit: together with the gaps they take the whole width."""
GAP = 4
LINE, AROUND, BETWEEN = 16, 24, 8
"""Pixels of a line of text, of a block around its lines, the bar at its foot included, and between two blocks."""
BAR = 5
"""Pixels of the bar at the foot of a block."""


@dataclass(frozen=True)
class Placed:
    """A block from left to right, in percent, and from its foot to its head, in pixels."""

    block: Block
    left: float
    right: float
    foot: float
    head: float

    @property
    def middle(self) -> float:
        return (self.foot + self.head) / 2


def machine(result: Result) -> go.Figure | None:
    """Blocks with a bar that is as long as they were busy; None where nothing ran."""
    if result.layers.empty or not result.summary.get("total_cycles"):
        return None
    placed = place(columns(result))
    every = [each for column in placed for each in column]
    hover = points(
        x=[(each.left + each.right) / 2 for each in every],
        y=[each.middle for each in every],
        mode="markers",
        marker={"size": 28, "opacity": 0},
        hovertext=[_hover(each.block) for each in every],
        hoverinfo="text",
        showlegend=False,
    )
    height = max(each.head for each in every)
    figure = styled(unchecked([hover]), height=round(height) + 16)
    figure.update_layout(
        shapes=[shape for each in every for shape in _shapes(each)],
        annotations=[*map(_text, every), *_arrows(placed)],
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
    figure.update_xaxes(visible=False, range=[0, 100], fixedrange=True)
    figure.update_yaxes(visible=False, range=[0, height], fixedrange=True)
    return figure


def place(blocks: Sequence[Sequence[Block]]) -> list[list[Placed]]:
    """Columns side by side, all as high as the highest; what a column has left over goes to its first block."""
    levels = [WIDTHS["level"]] * (len(blocks) - 3)
    widths = [WIDTHS["dram"], *levels, WIDTHS["buffers"], WIDTHS["units"]]
    scale = 100 / (sum(widths) + GAP * (len(widths) - 1))
    heights = [[AROUND + LINE * (1 + len(block.lines)) for block in column] for column in blocks]
    whole = max(sum(column) + BETWEEN * (len(column) - 1) for column in heights)
    placed, left = [], 0.0
    for column, height, width in zip(blocks, heights, widths, strict=True):
        spare = (whole - sum(height) - BETWEEN * (len(column) - 1)) / len(column)
        placed.append(list(_stacked(column, [each + spare for each in height], whole, left, left + width * scale)))
        left += (width + GAP) * scale
    return placed


def _stacked(
    column: Sequence[Block], heights: Sequence[float], head: float, left: float, right: float
) -> Iterator[Placed]:
    for block, height in zip(column, heights, strict=True):
        yield Placed(block, left, right, head - height, head)
        head -= height + BETWEEN


def _shapes(placed: Placed) -> Iterator[dict[str, Any]]:
    """The block, and a bar at its foot."""
    colour = component_colour(placed.block.component)
    yield _rectangle(placed.left, placed.right, placed.foot, placed.head, faded(colour, 0.13), faded(colour, 0.7))
    if placed.block.share is not None:
        busy = placed.left + (placed.right - placed.left) * min(1.0, placed.block.share)
        for right, fill in ((placed.right, GRID), (busy, colour)):
            yield _rectangle(placed.left, right, placed.foot, placed.foot + BAR, fill, None)


def _rectangle(left: float, right: float, foot: float, head: float, fill: str, line: str | None) -> dict[str, Any]:
    drawn = {"width": 1, "color": line} if line else {"width": 0}
    place = {"x0": left, "x1": right, "y0": foot, "y1": head}
    return {"type": "rect", **place, "fillcolor": fill, "line": drawn, "layer": "below"}


def _text(placed: Placed) -> dict[str, Any]:
    lines = "<br>".join(map(text, placed.block.lines))
    return {
        "x": (placed.left + placed.right) / 2,
        "y": placed.middle + BAR / 2,
        "text": f"<b>{text(placed.block.title)}</b><br>{lines}",
        "showarrow": False,
        "font": {"size": 11.5},
    }


def _arrows(placed: Sequence[Sequence[Placed]]) -> Iterator[dict[str, Any]]:
    """Both ways between memories; from buffers to the units, and back into the output buffer."""
    for left, right in pairwise(placed[:-1]):
        middle = left[0].middle
        yield _arrow(left[0].right, right[0].left, middle + 9)
        yield _arrow(right[0].left, left[0].right, middle - 9)
    buffers, units = placed[-2:]
    for each in buffers:
        ends = (each.right, units[0].left) if each is not buffers[-1] else (units[0].left, each.right)
        yield _arrow(*ends, each.middle)


def _arrow(tail: float, tip: float, height: float) -> dict[str, Any]:
    ends = {"x": tip, "y": height, "ax": tail, "ay": height, "xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
    look = {"arrowhead": 2, "arrowsize": 1, "arrowwidth": 1.6, "arrowcolor": OTHER, "standoff": 2, "startstandoff": 2}
    return {**ends, **look, "text": "", "showarrow": True}


def _hover(block: Block) -> str:
    """The block's fields as the hwconfig has them."""
    fields = {name: value for name, value in block.fields.items() if value not in (None, "", {}, [])}
    return f"<b>{text(block.path)}</b><br>" + "<br>".join(map(text, to_yaml(fields).splitlines()))
