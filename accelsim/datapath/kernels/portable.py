"""exp, log and sums of doubles from operations that IEEE 754 defines, in one order: the same bits on every backend."""

from __future__ import annotations

from typing import Any

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
ROOT_HALF = 0.7071067811865476
LOG_TERMS = 11
"""Terms of the logarithm's series; the next would be below 2e-19 of the first."""


def portable_exp(xp: Any, x: Any) -> Any:
    """exp of float64 x <= 0 from multiplications and additions alone, so that no library's exp decides a bit.

    Range reduction to |r| <= ln(2)/2 and a Taylor polynomial of degree 13 (relative error below 2e-16);
    anything below -700 becomes 0.
    """
    k = xp.rint(xp.maximum(x, -700.0) * LOG2_E)
    r = (xp.maximum(x, -700.0) - k * LN2_HIGH) - k * LN2_LOW
    polynomial = xp.ones_like(r)
    for n in range(13, 0, -1):
        polynomial = 1.0 + r * polynomial / n
    return xp.where(x < -700.0, 0.0, xp.ldexp(polynomial, k.astype(xp.int32)))


def portable_log(xp: Any, x: Any) -> Any:
    """ln of float64 x >= 1, within 3e-16 of its larger part; NaN stays.

    x = m 2**k with m from sqrt(1/2) to sqrt(2), and ln m = 2 artanh z with z = (m - 1) / (m + 1) as a series.
    """
    m, k = xp.frexp(x)
    low = m < ROOT_HALF
    m, k = xp.where(low, 2.0 * m, m), k - low.astype(k.dtype)
    z = (m - 1.0) / (m + 1.0)
    square, series = z * z, xp.zeros_like(z)
    for n in range(LOG_TERMS, -1, -1):
        series = series * square + 1.0 / (2 * n + 1)
    return k * LN2_HIGH + (2.0 * z * series + k * LN2_LOW)


def sum_in_pairs(xp: Any, x: Any) -> Any:
    """Sums over the last axis, which stays with length 1: neighbours in pairs, then their sums in pairs, and so on.

    What is left over at the end of a row of sums moves up as it is.
    """
    while x.shape[-1] > 1:
        even = x.shape[-1] // 2 * 2
        sums = x[..., 0:even:2] + x[..., 1:even:2]
        x = sums if even == x.shape[-1] else xp.concatenate([sums, x[..., even:]], axis=-1)
    return x
