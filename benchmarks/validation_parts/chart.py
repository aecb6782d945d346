"""Modelled over published, one dot a row, on a logarithmic axis: an SVG that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from accelsim.reports.palette import result_colour
from validation_parts.page import deviation
from validation_parts.rows import Row

LEFT, RIGHT, WIDTH, LINE, TOP = 350, 90, 1000, 20, 62
DECADES = (-1.35, 1.0)
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def chart(tables: Mapping[str, Sequence[Row]]) -> str:
    """A line of text, a dot and its deviation for every row whose published figure isn't 0."""
    body: list[str] = []
    y = TOP
    for index, (title, rows) in enumerate(tables.items()):
        body.append(text(12, y + 14, title, weight="bold"))
        y += LINE
        for row in rows:
            if row.deviation is not None:
                body += _row(row, y, result_colour(index))
                y += LINE
        y += 8
    return "\n".join([*_frame(y + 12), *body, "</svg>", ""])


def _row(row: Row, y: int, colour: str) -> list[str]:
    at, middle = place(row.ours / row.published.value), y + LINE // 2
    # Solid: published or read in the vendor's files; hollow: recalled.
    fill = "white" if "recalled" in row.published.provenance else colour
    return [
        text(24, y + 14, row.title),
        f'<line x1="{place(1):.1f}" y1="{middle}" x2="{at:.1f}" y2="{middle}" stroke="{colour}" stroke-opacity="0.4"/>',
        f'<circle cx="{at:.1f}" cy="{middle}" r="4.5" fill="{fill}" stroke="{colour}" stroke-width="2"/>',
        text(WIDTH - RIGHT + 14, y + 14, deviation(row)),
    ]


def place(ratio: float) -> float:
    """Where a ratio lies; those beyond the axis stand at its end."""
    low, high = DECADES
    share = (min(max(math.log10(ratio), low), high) - low) / (high - low)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def text(x: float, y: float, what: str, *, weight: str = "normal", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" font-weight="{weight}" text-anchor="{anchor}">{escape(what)}</text>'


def _frame(height: int) -> list[str]:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#222">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        text(12, 22, "Model over published figure", weight="bold"),
        text(LEFT, 22, "filled: published, second-hand or the vendor's own model; hollow: recalled, not read again"),
    ]
    for tick in TICKS:
        colour, label = ("#222", "published") if tick == 1 else ("#ccc", f"x {tick:g}")
        x = place(tick)
        lines.append(f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - 8}" stroke="{colour}"/>')
        lines.append(text(x, TOP - 14, label, anchor="middle"))
    return lines
