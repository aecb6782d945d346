"""Rounding onto the grid of a floating-point format, compiled: ``formats.round_to_float`` to nearest even.

A sum with 1.5 x 2^52 units has units of one: adding that and taking it off again rounds to a multiple of the unit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.formats import FloatFormat

FRACTION_BITS, BIAS = 52, 1023
"""Of a double."""


def constants(format_: FloatFormat, *, saturate: bool) -> tuple[int, int, int, float, float]:
    """Exponent fields of a double between which the unit moves, what makes 2^52 units of one, the largest number, and
    what takes the place of a larger one."""
    beyond = format_.max_normal
    if format_.has_nan and not saturate:
        beyond = math.inf if format_.has_inf else math.nan
    low, high = format_.emin + BIAS, format_.emax + 1 + BIAS
    return low, high, FRACTION_BITS - format_.mantissa_bits, format_.max_normal, beyond


@compiled
def to_format(
    x: Any, out: Any, scale: float, unit: float, low: int, high: int, shift: int, largest: float, beyond: float
) -> None:
    """x times ``scale``, over ``unit``, both in double precision, and then rounded once; float32."""
    ceiling = np.int64(high << FRACTION_BITS).view(np.float64)
    for i in range(x.size):
        value = np.float64(x[i]) * scale
        if unit != 1.0:
            value = value / unit
        magnitude = abs(value)
        magnitude = ceiling if magnitude > ceiling else magnitude
        field: Any = np.float64(magnitude).view(np.int64) >> FRACTION_BITS
        field = low if field < low else high if field > high else field
        aligner = np.int64(((field + shift) << FRACTION_BITS) | (np.int64(1) << (FRACTION_BITS - 1))).view(np.float64)
        rounded = (magnitude + aligner) - aligner
        out[i] = math.copysign(beyond if rounded > largest else rounded, value)
