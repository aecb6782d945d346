"""Smooth activation functions x s(u), with the logistic function s, and tables of a function of codes.

They take multiplications and the portable exponential alone. GELU in its tanh form has
u = 2 sqrt(2 / pi) (x + 0.044715 x^3) (Hendrycks and Gimpel 2016), SiLU u = x (Elfwing et al. 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from accelsim.datapath.kernels.portable import portable_exp

TWICE_ROOT = 1.5957691216057308
"""2 sqrt(2 / pi)."""
CUBIC = 0.044715
SEGMENTS_BITS = 8
"""Codes that are too many for an entry each are cut into 2^8 segments."""

Function = Callable[[Any, Any], Any]
"""Of an array library and an array of doubles, to such an array."""


class Curve(NamedTuple):
    """A function and its derivative, in double precision."""

    function: Function
    slope: Function


def gelu(xp: Any, x: Any) -> Any:
    """x s(u), in double precision."""
    return x * _logistic(xp, TWICE_ROOT * (x + CUBIC * (x * x * x)))


def gelu_slope(xp: Any, x: Any) -> Any:
    """s(u) + x s(u) (1 - s(u)) du/dx, in double precision."""
    s = _logistic(xp, TWICE_ROOT * (x + CUBIC * (x * x * x)))
    return s + x * (s * (1.0 - s)) * (TWICE_ROOT * (1.0 + 3.0 * CUBIC * (x * x)))


def silu(xp: Any, x: Any) -> Any:
    """x s(x), in double precision."""
    return x * _logistic(xp, x)


def silu_slope(xp: Any, x: Any) -> Any:
    """s(x) + x s(x) (1 - s(x)), in double precision."""
    s = _logistic(xp, x)
    return s + x * (s * (1.0 - s))


CURVES = {"gelu": Curve(gelu, gelu_slope), "silu": Curve(silu, silu_slope)}
"""By opcode."""


def tabulated(xp: Any, function: Function, bits: int, direct_bits: int, scale: float, unit: float) -> Any:
    """Entries function(code * scale) / unit, rounded half up: for each code of ``bits`` bits, or each segment's end."""
    half = 1 << (bits - 1)
    step = 1 if bits <= direct_bits else 1 << (bits - SEGMENTS_BITS)
    codes = xp.arange(-half, half + 1, step, dtype=xp.float64)
    return xp.floor(function(xp, codes * scale) / unit + 0.5).astype(xp.int64)


def looked_up(table: Any, codes: Any, bits: int, direct_bits: int) -> Any:
    """The entries of codes of ``bits`` bits; between the ends of a segment interpolated, rounded half up; int64."""
    place = codes.astype("int64") + (1 << (bits - 1))
    if bits <= direct_bits:
        return table[place]
    low = bits - SEGMENTS_BITS
    index, rest = place >> low, place & ((1 << low) - 1)
    entry = table[index]
    return entry + (((table[index + 1] - entry) * rest + (1 << (low - 1))) >> low)


def _logistic(xp: Any, u: Any) -> Any:
    small = portable_exp(xp, -xp.abs(u))
    return xp.where(u < 0, small, 1.0) / (1.0 + small)
