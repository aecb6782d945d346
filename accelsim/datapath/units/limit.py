"""A limit given as a real number, on codes of any format: where ReLU stops to rise."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.arrays import on_device, on_host
from accelsim.formats import FP32, FloatFormat
from accelsim.formats.float_codes import round_to_float
from accelsim.formats.mx import BlockFormat
from accelsim.machine import Tensor

JUST_BELOW = 1 - 2.0**-20
"""What lies above this share of a limit counts as the limit: scales of blocks are rounded."""
BEYOND = 2.0**52
"""No code reaches this far, and doubles up to here hold every integer."""


def limited(xp: Any, codes: Any, x: Tensor, limit: float) -> Any:
    """``codes`` of ``x`` that are not negative, and no larger than the code of ``limit``.

    Blocks take on a new scale where their largest value was cut, as any other of its values may then be off the grid.
    """
    if isinstance(x.format, BlockFormat):
        return x.format.quantised(xp, xp.minimum(codes, limit / x.scale), -1, "nearest_even")
    return xp.minimum(codes, on_device(xp, _code(x, limit)))


def below_limit(xp: Any, y: Tensor, limit: float) -> Any:
    """Where what ``limited`` made is below the limit."""
    codes = xp.asarray(y.data)
    if isinstance(y.format, BlockFormat):
        return codes < limit / y.scale * JUST_BELOW
    if y.format.is_integer:
        return codes <= on_device(xp, _code(y, limit, less=1))
    return codes < on_device(xp, _code(y, limit))


def _code(x: Tensor, limit: float, less: int = 0) -> Any:
    """The nearest code of ``limit`` under the scale of ``x``, ``less`` so many, up to the format's largest."""
    ratio = limit / on_host(x.scale)
    if x.format.is_integer:
        code = np.floor(np.minimum(ratio, BEYOND) + 0.5) - less
        return np.minimum(code, (1 << (x.format.bits - 1)) - 1).astype(x.format.storage)
    if isinstance(x.format, FloatFormat) and x.format.bits < FP32.bits:
        return round_to_float(np, ratio, x.format)
    return ratio.astype(x.format.storage)
