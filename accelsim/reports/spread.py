"""Means over seeds, and when two of them differ by no more than single runs do.

The spread is the sample standard deviation (n - 1). Two runs of settings with spreads s and t differ, were the settings
equally good, by something whose standard deviation is the root of s^2 + t^2: a difference of means that is no larger
says nothing of the next run. It is no test of significance: with many seeds a smaller difference may be a sure one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

DEVIATION = "±: sample standard deviation over seeds."
MEANING = (
    f"{DEVIATION} ≈: the difference is within the spread, the root of the sum of both "
    "squared deviations, so single runs needn't show it; a run of one seed is taken to have the other's deviation."
)
SWEEP_MEANING = (
    f"{DEVIATION} Within spread: other points that the one named is no better than beyond "
    "the spread, the root of the sum of both squared deviations, so single runs needn't show the difference."
)


@dataclass(frozen=True)
class Seeds:
    """Which seeds a mean is of, the spread of each figure that they differ in, and seeds that aren't finished."""

    numbers: tuple[int, ...]
    spread: dict[str, float] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()


def within_spread(value: float, spread: float, other: float, other_spread: float) -> bool:
    """Whether two means differ by no more than the spread of a difference; a spread that is unknown is NaN.

    One that is unknown is taken to be the other. False where neither is known, or nothing varies.
    """
    if math.isnan(spread):
        spread = other_spread
    if math.isnan(other_spread):
        other_spread = spread
    both = math.hypot(spread, other_spread)
    return both > 0 and abs(value - other) <= both
