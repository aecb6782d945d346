"""The random Hadamard transform in plain Python: the oracle of the vector unit's."""

from __future__ import annotations

import math
from collections.abc import Sequence

from accelsim.formats.floating import FP32
from accelsim.formats.reference import round_float


def rotated_column(values: Sequence[float], signs: Sequence[int]) -> list[float]:
    """One element's values over a batch: groups of ``len(signs)`` transformed, what is left over as it was."""
    size, found = len(signs), list(values)
    for start in range(0, len(values) - size + 1, size):
        group = [value * sign for value, sign in zip(values[start : start + size], signs, strict=True)]
        found[start : start + size] = [_rounded(x / math.isqrt(size)) for x in _transformed(group)]
    return found


def _transformed(x: list[float]) -> list[float]:
    """Neighbours first: both halves of each are known before they are added."""
    if len(x) == 1:
        return x
    half = len(x) // 2
    a, b = _transformed(x[:half]), _transformed(x[half:])
    return [_rounded(p + q) for p, q in zip(a, b, strict=True)] + [_rounded(p - q) for p, q in zip(a, b, strict=True)]


def _rounded(x: float) -> float:
    return round_float(x, FP32, "nearest_even", saturate=False)
