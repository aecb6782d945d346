"""The oracle of loss scaling: the scale as the integer exponent of a power of two, a gradient as a fraction."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple


class Moves(NamedTuple):
    """How the exponent moves: ``down`` after an overflow, ``up`` after ``interval`` steps without, within limits."""

    up: int
    down: int
    interval: int
    lowest: int
    highest: int


def exponents(first: int, moves: Moves, overflows: Iterable[bool]) -> tuple[list[int], bool]:
    """The exponent of each step of a training, with that of the step after its last, and whether it is ended before:
    the last one listed is then that of a step that overflows at the lowest exponent."""
    found, good = [first], 0
    for overflowed in overflows:
        if overflowed and found[-1] == moves.lowest:
            return found, True
        good = 0 if overflowed else good + 1
        step = -moves.down if overflowed else moves.up if good == moves.interval else 0
        good = 0 if good == moves.interval else good
        found.append(min(max(found[-1] + step, moves.lowest), moves.highest))
    return found, False


def overflowed(gradients: Iterable[Iterable[float]]) -> bool:
    """Whether a number of any gradient is infinite or none."""
    return not all(math.isfinite(number) for gradient in gradients for number in gradient)


def unscaled(gradient: float, exponent: int) -> Fraction:
    """What the update takes a gradient for."""
    return Fraction(gradient) / Fraction(2) ** exponent
