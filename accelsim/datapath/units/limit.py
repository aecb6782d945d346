"""A limit given as a real number, on codes of any format: where ReLU stops to rise."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.formats import FP32, FloatFormat
from accelsim.formats.float_codes import round_to_float
from accelsim.formats.mx import BlockFormat
from accelsim.machine import Tensor

JUST_BELOW = 1 - 2.0**-20
"""What lies above this share of a limit counts as the limit: scales of blocks are rounded."""


def limited(xp: Any, codes: Any, x: Tensor, limit: float) -> Any:
    """``codes`` of ``x`` that are not negative, and no larger than the code of ``limit``.

    Blocks take on a new scale where their largest value was cut, as any other of its values may then be off the grid.
    """
    if x.format.is_integer:
        largest = (1 << (x.format.bits - 1)) - 1
        return xp.minimum(codes, np.minimum(_code(x, limit), largest).astype(x.format.storage))
    if isinstance(x.format, BlockFormat):
        return x.format.quantised(xp, xp.minimum(codes, limit), -1, "nearest_even")
    return xp.minimum(codes, _code(x, limit))


def below_limit(xp: Any, y: Tensor, limit: float) -> Any:
    """Where what ``limited`` made is below the limit."""
    if isinstance(y.format, BlockFormat):
        return xp.asarray(y.data) < limit * JUST_BELOW
    return xp.asarray(y.data) < _code(y, limit)


def _code(x: Tensor, limit: float) -> Any:
    """The nearest code of ``limit`` under the scale of ``x``, also beyond the format's largest."""
    ratio = limit / np.asarray(x.scale, dtype=np.float64)
    if x.format.is_integer:
        return np.floor(np.minimum(ratio, 2.0**52) + 0.5).astype(np.int64)
    if isinstance(x.format, FloatFormat) and x.format.bits < FP32.bits:
        return round_to_float(np, ratio, x.format)
    return ratio.astype(x.format.storage)
