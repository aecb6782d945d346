"""The softmax, tables and products of the vector unit in plain Python integers: the oracle of their kernels."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext

from accelsim.datapath.reference import INT32_MAX, INT32_MIN, divide_rounded, rescale

WORD_BITS = 32


def power_of_two(exponent: int) -> int:
    """2**-(exponent / 2**16) with 30 fraction bits: entries at every 2**-8, a straight line between them, a shift."""
    entry, following = (_entry((exponent >> 8) % 256 + step) for step in (0, 1))
    value = entry - ((entry - following) * (exponent % 256) >> 8)
    return value >> (exponent >> 16)


def softmax(codes: Sequence[int], mantissa: int, exponent: int) -> list[int]:
    """One row with 24 fraction bits; the multiplier brings distances from the largest code to exponents of two.

    One reciprocal serves the row, in 31 bits more than the powers have.
    """
    top = max(codes)
    powers = [power_of_two(rescale(min(top - code, INT32_MAX), mantissa, exponent)) for code in codes]
    inverse = divide_rounded(1 << 61, sum(powers))
    return [rounding_shift(power * inverse, 37) for power in powers]


def softmax_backward(g: Sequence[int], y: Sequence[int], shift: int) -> list[int]:
    """y (g - mean of g weighted with y) of one row, shifted right by ``shift``, rounded half up."""
    mean = divide_rounded(sum(a * b for a, b in zip(g, y, strict=True)), max(sum(y), 1))
    return [rounding_shift(b * (a - mean), shift) for a, b in zip(g, y, strict=True)]


def looked_up(table: Sequence[int], code: int, bits: int, segment_bits: int) -> int:
    """The entry of a code of ``bits`` bits; with segments of 2**segment_bits codes, on the line between their ends."""
    place = code + (1 << (bits - 1))
    entry = table[place >> segment_bits]
    if not segment_bits:
        return entry
    rise = (table[(place >> segment_bits) + 1] - entry) * (place % (1 << segment_bits))
    return entry + rounding_shift(rise, segment_bits)


def times_slope(word: int, slope: int, bits: int) -> int:
    """A gradient's word times a slope with ``bits`` fraction bits, rounded half up, saturated to 32 bits."""
    return max(INT32_MIN, min(INT32_MAX, rounding_shift(word * slope, bits)))


def products(a: Sequence[int], b: Sequence[int], bits: int) -> tuple[list[int], int]:
    """Products of codes that have ``bits`` bits together, and how far right all are shifted to fit 32 bits.

    That follows from a bound above the largest code on either side.
    """
    shift = 0
    if bits > WORD_BITS:
        bound = (max(map(abs, a)) + 1) * (max(map(abs, b)) + 1)
        shift = max(0, bound.bit_length() - (WORD_BITS - 1))
    return [rounding_shift(x * y, shift) for x, y in zip(a, b, strict=True)], shift


def turned(row: Sequence[int], angles: Sequence[int], sign: int) -> list[int]:
    """Words of a row's heads, in pairs turned by ``angles``, cosines and sines of 14 fraction bits; or, with ``sign``
    -1, by the opposite ones."""
    half, found = len(angles) // 2, []
    for place in range(0, len(row), 2):
        a, b, i = row[place], row[place + 1], place // 2 % half
        cosine, sine = angles[i], sign * angles[half + i]
        found += [rounding_shift(a * cosine - b * sine, 14), rounding_shift(a * sine + b * cosine, 14)]
    return found


def rounding_shift(x: int, bits: int) -> int:
    """x / 2**bits, rounded half up."""
    return (x + ((1 << bits) >> 1)) >> bits


def _entry(index: int) -> int:
    with localcontext() as context:
        context.prec = 40
        return int((Decimal(2) ** (30 - Decimal(index) / 256)).to_integral_value())
