"""The oracle of the number formats: plain Python integers and fractions, one value at a time.

Nothing here is fast and nothing here imports NumPy; the array functions are held to these bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from accelsim.formats.floating import FP4_E2M1, FP8_E4M3, FP32, FloatFormat
from accelsim.formats.lfsr import TAPS
from accelsim.formats.mx import BEYOND, NAN_EXPONENT, SCALE_BIAS, BlockFormat

HALF = Fraction(1, 2)


def round_to_integer(x: Fraction, rounding: str, random: int = 0, random_bits: int = 0) -> int:
    """One rounding onto the integers of a two's-complement register."""
    whole, rest = math.floor(x), x - math.floor(x)
    if rounding == "truncate":
        return whole
    if rounding == "stochastic":
        return math.floor(x + Fraction(random, 1 << random_bits))
    if rest == HALF:
        return whole + (whole % 2 if rounding == "nearest_even" else x > 0)
    return whole + (rest > HALF)


def shift_right(x: int, shift: int, rounding: str, random: int = 0, random_bits: int = 0) -> int:
    """x / 2**shift; random bits that lie below the lowest bit of x are lost."""
    if rounding == "stochastic":
        dither = random << (shift - random_bits) if shift >= random_bits else random >> (random_bits - shift)
        return (x + dither) >> shift
    return round_to_integer(Fraction(x, 1 << shift), rounding)


def floor_log2(x: Fraction) -> int:
    """Exponent of a positive number's leading one."""
    exponent = x.numerator.bit_length() - x.denominator.bit_length()
    return exponent if x >= Fraction(2) ** exponent else exponent - 1


def round_float(
    x: float, format_: FloatFormat, rounding: str, random: int = 0, random_bits: int = 0, *, saturate: bool = True
) -> float:
    """A number as a floating-point register of this format holds it."""
    if math.isnan(x):
        return x
    magnitude = rounded_magnitude(abs(x), format_, rounding, random, random_bits)
    if magnitude is None and rounding == "truncate" and math.isfinite(x):
        magnitude = format_.max_normal
    if magnitude is None:
        stays = saturate or not format_.has_nan
        magnitude = format_.max_normal if stays else math.inf if format_.has_inf else math.nan
    return math.copysign(magnitude, x)


def rounded_magnitude(x: float, format_: FloatFormat, rounding: str, random: int, random_bits: int) -> float | None:
    """Magnitude on the grid; None when it overflows."""
    if math.isinf(x):
        return None
    if x == 0:
        return 0.0
    exact = Fraction(x)
    unit = Fraction(2) ** (max(floor_log2(exact), format_.emin) - format_.mantissa_bits)
    rounded = round_to_integer(exact / unit, rounding, random, random_bits) * unit
    return float(rounded) if rounded <= Fraction(format_.max_normal) else None


def decode_float(code: int, format_: FloatFormat) -> float:
    """The number that a code stands for."""
    sign = -1.0 if code >> (format_.bits - 1) else 1.0
    field = (code >> format_.mantissa_bits) & ((1 << format_.exponent_bits) - 1)
    fraction = code & ((1 << format_.mantissa_bits) - 1)
    top = field == (1 << format_.exponent_bits) - 1
    if format_.has_inf and top:
        return math.nan if fraction else sign * math.inf
    if format_.has_nan and top and fraction == (1 << format_.mantissa_bits) - 1:
        return math.nan
    hidden = 1 << format_.mantissa_bits if field else 0
    return sign * math.ldexp(hidden + fraction, max(field, 1) - format_.bias - format_.mantissa_bits)


def mx_block(
    values: Sequence[float],
    format_: BlockFormat,
    rounding: str,
    randoms: Sequence[int] | None = None,
    random_bits: int = 0,
) -> tuple[int, list[float]]:
    """Scale exponent and values of one block; the exponent of a NaN scale is 128."""
    if not all(abs(v) < BEYOND for v in values):
        return NAN_EXPONENT, [math.nan] * len(values)
    peak = max(map(abs, values))
    leading = floor_log2(Fraction(peak)) if peak else -SCALE_BIAS
    exponent = min(max(leading - format_.emax, -SCALE_BIAS), SCALE_BIAS)
    codes = randoms or [0] * len(values)
    elements = [
        element(math.ldexp(v, -exponent), format_, rounding, random, random_bits)
        for v, random in zip(values, codes, strict=True)
    ]
    return exponent, [math.ldexp(e, exponent) for e in elements]


def element(scaled: float, format_: BlockFormat, rounding: str, random: int, random_bits: int) -> float:
    """One element of a block, after the division by the block's scale."""
    if isinstance(format_.element, FloatFormat):
        return round_float(scaled, format_.element, rounding, random, random_bits)
    fraction_bits = format_.element.bits - 2
    code = round_to_integer(Fraction(scaled) * (1 << fraction_bits), rounding, random, random_bits)
    top = format_.element.max_code
    return math.ldexp(min(max(code, -top), top), -fraction_bits)


def nvfp4_block(
    values: Sequence[float], rounding: str, randoms: Sequence[int] | None = None, random_bits: int = 0
) -> tuple[float, list[float]]:
    """Scale and values of one block, or of one square, of numbers that are in units of the tensor's scale."""
    if not all(map(math.isfinite, values)):
        return math.nan, [math.nan] * len(values)
    scale = round_float(max(map(abs, values)) / 6, FP8_E4M3, "nearest_even")
    if not scale:
        return 0.0, [0.0] * len(values)
    codes = randoms or [0] * len(values)
    return scale, [
        round_float(v / scale, FP4_E2M1, rounding, random, random_bits) * scale
        for v, random in zip(values, codes, strict=True)
    ]


def nvfp4_tensor_scale(peak: float) -> float:
    """Of a tensor whose largest magnitude is ``peak``, any positive number or zero."""
    return max(round_float((peak or 1.0) / (6 * 448), FP32, "nearest_even"), 2.0**-126)


def integer_block(
    values: Sequence[float],
    format_: BlockFormat,
    rounding: str,
    randoms: Sequence[int] | None = None,
    random_bits: int = 0,
) -> list[Fraction]:
    """Values of one block of integers under fp32(largest magnitude / largest code), a normal number; 1 for zeros."""
    top = (1 << (format_.bits - 1)) - 1
    step = Fraction(max(round_float((max(map(abs, values)) or top) / top, FP32, "nearest_even"), 2.0**-126))
    codes = randoms or [0] * len(values)
    elements = [
        round_to_integer(Fraction(float(v) / float(step)), rounding, random, random_bits)
        for v, random in zip(values, codes, strict=True)
    ]
    return [min(max(e, -top), top) * step for e in elements]


def fibonacci_step(state: int, width: int) -> int:
    """One clock: the XOR of the tapped stages enters at stage 1."""
    new = 0
    for tap in TAPS[width]:
        new ^= state >> (tap - 1) & 1
    return ((state << 1) | new) & ((1 << width) - 1)


def galois_step(state: int, width: int) -> int:
    """One clock: times x modulo the polynomial x**width + the x**tap + 1, over GF(2)."""
    product = state << 1
    if product >> width:
        product ^= (1 << width) | sum(1 << tap for tap in TAPS[width][1:]) | 1
    return product


def lfsr_codes(seed: int, count: int, bits: int, width: int, clocks: int, *, galois: bool = False) -> list[int]:
    """Clock by clock: the low bits of the state after every ``clocks`` clocks."""
    step = galois_step if galois else fibonacci_step
    state, codes = seed & ((1 << width) - 1), []
    for _ in range(count):
        for _ in range(clocks):
            state = step(state, width)
        codes.append(state & ((1 << bits) - 1))
    return codes
