"""Ternary and binary weights: signs, and one scale that is the mean magnitude of the weights that a sign stands for.

Ternary weight networks (Li et al. 2016) drop weights below 0.7 E|w|; the threshold that keeps the most of the direction
of Gaussian weights is 0.612 of their deviation. Binary: XNOR-Net (Rastegari et al. 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from accelsim.formats.doubles import exact_mean
from accelsim.formats.format import Format

OPTIMAL_THRESHOLD = 0.612
"""Root of phi(t) = 2 t Q(t), in deviations."""
TWN_THRESHOLD = 0.7
"""In mean magnitudes."""


class Threshold(StrEnum):
    """Below what magnitude a ternary weight becomes 0."""

    OPTIMAL = "optimal"
    TWN = "twn"

    @classmethod
    def _missing_(cls, value: object) -> Threshold:
        raise ValueError(f"a ternary threshold is one of {', '.join(cls)}, not {value!r}")


class Signs(NamedTuple):
    """int8 codes and the scale that makes them real."""

    codes: Any
    scale: float


@dataclass(frozen=True)
class SignFormat(Format):
    """Codes -1 and 1, and 0 in ``ternary``, under one scale a tensor."""

    @property
    def family(self) -> str:
        return self.name

    @property
    def is_integer(self) -> bool:
        return True

    @property
    def storage(self) -> str:
        return "int8"

    @property
    def min_code(self) -> int:
        return -1

    @property
    def max_code(self) -> int:
        return 1


TERNARY = SignFormat("ternary", 2)
BINARY = SignFormat("binary", 1)


def ternary_codes(xp: Any, w: Any, threshold: str = Threshold.OPTIMAL) -> Signs:
    """Signs of the weights beyond the threshold, 0 for the others; the scale of an all-zero tensor is 1.

    The deviation is about zero, sqrt(E w^2), because the code is symmetric about zero.

    Raises:
        ValueError: a weight is not finite.
    """
    w = xp.asarray(w, dtype=xp.float64)
    magnitude = xp.abs(w)
    if Threshold(threshold) is Threshold.OPTIMAL:
        limit = OPTIMAL_THRESHOLD * math.sqrt(exact_mean(xp, magnitude * magnitude))
    else:
        limit = TWN_THRESHOLD * exact_mean(xp, magnitude)
    kept = magnitude > limit
    scale = exact_mean(xp, magnitude[kept])
    return Signs((xp.sign(w) * kept).astype(xp.int8), scale or 1.0)


def binary_codes(xp: Any, w: Any) -> Signs:
    """Signs of all weights, 0 counted as positive; the scale of an all-zero tensor is 0, as nothing else decodes it.

    Raises:
        ValueError: a weight is not finite.
    """
    w = xp.asarray(w, dtype=xp.float64)
    return Signs(xp.where(w < 0, -1, 1).astype(xp.int8), exact_mean(xp, xp.abs(w)))
