"""Ticks of logarithmic axes, written out: plotly's own show bare digits between the powers of ten."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from accelsim.reports.units import COUNT, scale_for

DIGITS = ((1.0, (1, 2, 3, 5, 7)), (2.5, (1, 2, 5)), (math.inf, (1,)))
"""Leading digits of the ticks, up to a span in decades."""
FEWEST = 2
"""Ticks that an axis should have."""
SMALLEST = 1e-12
"""Values below it don't stretch the axis's ticks."""


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """Type, places and texts of an axis's ticks around ``values``; those that aren't above zero don't count."""
    positive = [value for value in values if value >= SMALLEST and math.isfinite(value)] or [1.0]
    low, high = math.log10(min(positive)), math.log10(max(positive))
    digits = next(leading for span, leading in DIGITS if high - low <= span)
    decades = range(math.floor(low) - 1, math.ceil(high) + 2)
    ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return {"type": "log", "tickvals": ticks, "ticktext": [tick_text(tick) for tick in ticks]}


def log_axis_if_wide(values: Iterable[float]) -> dict[str, Any]:
    """The same; where ``values`` lie so close that hardly a tick would be among them, places and texts are None.

    Within a decade plotly's own ticks are whole numbers.
    """
    known = [value for value in values if value >= SMALLEST and math.isfinite(value)]
    axis = log_axis(known)
    if not known or sum(min(known) <= tick <= max(known) for tick in axis["tickvals"]) < FEWEST:
        axis |= {"tickvals": None, "ticktext": None}
    return axis


def tick_text(value: float) -> str:
    """``0.05``, ``2``, ``10 k``."""
    divisor, unit = scale_for(value, COUNT)
    digits = f"{value / divisor:.14f}".rstrip("0").rstrip(".")
    return f"{digits} {unit}".rstrip()
