"""The oracle: every datapath unit in plain Python integers, to be checked against the hardware on paper.

Nothing here is fast and nothing here imports NumPy; the kernels are held to these functions bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def saturate(value: int, low: int, high: int) -> int:
    """Clamp into [low, high]."""
    return min(max(value, low), high)


def wrap(value: int, bits: int) -> int:
    """Two's complement of ``bits`` bits: what an accumulator holds after overflow."""
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def saturating_rounding_doubling_high_mul(a: int, b: int) -> int:
    """High 32 bits of 2ab, rounded half up; saturates for INT32_MIN squared (gemmlowp)."""
    if a == b == INT32_MIN:
        return INT32_MAX
    return (a * b + (1 << 30)) >> 31


def rounding_divide_by_power_of_two(x: int, exponent: int) -> int:
    """x / 2**exponent, rounded half away from zero (gemmlowp)."""
    magnitude = (abs(x) + ((1 << exponent) >> 1)) >> exponent
    return -magnitude if x < 0 else magnitude


def requantise(x: int, mantissa: int, exponent: int, low: int, high: int) -> int:
    """x * mantissa * 2**(exponent - 31), rounded twice as gemmlowp does, clamped."""
    shifted = saturate(x << max(exponent, 0), INT32_MIN, INT32_MAX)
    scaled = saturating_rounding_doubling_high_mul(shifted, mantissa)
    return saturate(rounding_divide_by_power_of_two(scaled, max(-exponent, 0)), low, high)


def requantise_stochastic(
    x: int, mantissa: int, exponent: int, random: int, random_bits: int, low: int, high: int
) -> int:
    """x * mantissa * 2**(exponent - 31), rounded once: random bits are added just below the last kept bit."""
    shift = 31 - exponent
    dither = random << (shift - random_bits) if shift >= random_bits else random >> (random_bits - shift)
    return saturate((x * mantissa + dither) >> shift, low, high)


def rescale(x: int, mantissa: int, exponent: int) -> int:
    """x * mantissa * 2**(exponent - 31), rounded once half up, saturated to 32 bits."""
    shift = 31 - exponent
    return saturate((x * mantissa + (1 << (shift - 1))) >> shift, INT32_MIN, INT32_MAX)


def divide_rounded(numerator: int, denominator: int) -> int:
    """numerator / denominator rounded half up; the denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)


def philox4x32(counter: Sequence[int], key: Sequence[int], rounds: int = 10) -> tuple[int, int, int, int]:
    """Philox4x32 (Salmon et al., SC 2011): four 32-bit words from a counter of four and a key of two."""
    mask = 0xFFFFFFFF
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & mask, (p0 >> 32) ^ c3 ^ k1, p0 & mask
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c0, c1, c2, c3


def random_code(seed: int, step: int, tensor: int, element: int, random_bits: int) -> int:
    """The random bits of one element: 16-bit lane ``element mod 8`` of block ``element div 8``, top bits first."""
    words = philox4x32((element // 8, step & 0xFFFFFFFF, step >> 32, 0), (seed, tensor))
    lane = element % 8
    half_word = (words[lane // 2] >> (16 * (lane % 2))) & 0xFFFF
    return half_word >> (16 - random_bits)


def mean(codes: Sequence[int], fraction_bits: int) -> int:
    """Mean of one channel with ``fraction_bits`` below the codes' unit."""
    return divide_rounded(sum(codes) << fraction_bits, len(codes))


def range_sum(codes: Sequence[int], chunks: int) -> tuple[int, list[int], list[int]]:
    """Sum over chunks of (max - min), and the first position of each maximum and minimum."""
    size = len(codes) // chunks
    total, tops, bottoms = 0, [], []
    for start in range(0, size * chunks, size):
        chunk = list(codes[start : start + size])
        total += max(chunk) - min(chunk)
        tops.append(start + chunk.index(max(chunk)))
        bottoms.append(start + chunk.index(min(chunk)))
    return total, tops, bottoms


def deviation(codes: Sequence[int]) -> int:
    """n times the standard deviation of one channel: isqrt(n sum(q^2) - sum(q)^2)."""
    return isqrt(len(codes) * sum(q * q for q in codes) - sum(codes) ** 2)


def normalise(codes: Sequence[int], centre: int, mantissa: int, exponent: int, offset: int, bits: int) -> list[int]:
    """gamma (x - mean) / spread + beta of one channel; the multiplier holds gamma over spread."""
    scaled = [rescale((q << bits) - centre, mantissa, exponent) for q in codes]
    return [saturate(y + offset, INT32_MIN, INT32_MAX) for y in scaled]


def range_norm_backward(
    g: Sequence[int],
    gd_sum: int,
    spread: int,
    tops: Sequence[int],
    bottoms: Sequence[int],
    mantissa: int,
    exponent: int,
    bits: int,
) -> list[int]:
    """Input gradient of one channel of range batch norm; ``gd_sum`` is sum g (x - mean) with ``bits`` fraction bits."""
    centre = divide_rounded(sum(g) << bits, len(g))
    toward_extremes = divide_rounded(gd_sum, max(spread, 1))
    e = [(gi << bits) - centre for gi in g]
    for top in tops:
        e[top] -= toward_extremes
    for bottom in bottoms:
        e[bottom] += toward_extremes
    return [rescale(saturate(ei, INT32_MIN, INT32_MAX), mantissa, exponent) for ei in e]


def batch_norm_backward(
    g: Sequence[int],
    d: Sequence[int],
    along: tuple[int, int],
    mantissa: int,
    exponent: int,
    bits: int,
) -> list[int]:
    """Input gradient of one channel of ordinary batch norm.

    ``d`` is x - mean with ``bits`` fraction bits, ``along`` the multiplier of sum(g d) / sum(d^2).
    """
    centre = divide_rounded(sum(g) << bits, len(g))
    e = [(gi << bits) - centre - rescale(di, *along) for gi, di in zip(g, d, strict=True)]
    return [rescale(saturate(ei, INT32_MIN, INT32_MAX), mantissa, exponent) for ei in e]
