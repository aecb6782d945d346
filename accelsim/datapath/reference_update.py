"""The oracle of the update: one weight and its state in plain Python integers and fractions.

Integers: real = code x 2**-exponent. The accumulator has 16 bits below the velocity's unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isqrt

from accelsim.datapath.reference import saturate
from accelsim.formats.floating import FP32
from accelsim.formats.reference import floor_log2, round_to_integer, shift_right

FRACTION_BITS = 16
TERM_LIMIT = 2**61
Round = Callable[[int, int], int]
"""x / 2**shift, rounded as the stored tensor's rule says."""


def shift_and_round(x: int, shift: int, round_: Round) -> int:
    """x / 2**shift saturated to 62 bits; a negative shift is exact."""
    return saturate(x << -shift if shift < 0 else round_(x, shift), -TERM_LIMIT, TERM_LIMIT)


def half_away(x: int, shift: int) -> int:
    """The rounding of what joins the accumulator."""
    return shift_right(x, shift, "nearest_away")


def float_term(gradient: float, velocity_exponent: int) -> int:
    """A float gradient in the accumulator: nearest even."""
    exact = Fraction(gradient) * Fraction(2) ** (velocity_exponent + FRACTION_BITS)
    return saturate(round_to_integer(exact, "nearest_even"), -TERM_LIMIT, TERM_LIMIT)


def integer_term(code: int, mantissa: int, shift: int, velocity_exponent: int) -> int:
    """A gradient code of scale mantissa x 2**-shift in the accumulator, or a weight's decay likewise."""
    return shift_and_round(code * mantissa, shift - velocity_exponent - FRACTION_BITS, half_away)


def sgd(
    w: int,
    v: int,
    terms: int,
    momentum: int,
    rate: tuple[int, int],
    exponents: tuple[int, int],
    tops: tuple[int, int],
    rounds: tuple[Round, Round],
) -> tuple[int, int]:
    """New weight and velocity. ``terms`` is gradient + decay in the accumulator, ``momentum`` the k of k / 256,
    ``rate`` a mantissa and a shift; exponents, largest codes and roundings are (weight, velocity)."""
    total = (momentum * v << (FRACTION_BITS - 8)) + terms
    v = saturate(shift_and_round(total, FRACTION_BITS, rounds[1]), -tops[1], tops[1])
    step = shift_and_round(-rate[0] * v, rate[1] + exponents[1] - exponents[0], rounds[0])
    return saturate(w + step, -tops[0], tops[0]), v


def adamw(
    w: float, mean: float, square: float, gradient: float, factors: Sequence[float], epsilon: float
) -> tuple[float, float, float]:
    """New weight, mean and mean square, each operation rounded to fp32. ``factors`` are beta1, beta2, 1 - beta1,
    1 - beta2, 1 / sqrt(1 - beta2^t), learning_rate / (1 - beta1^t) and 1 - learning_rate x decay, in fp32."""
    beta1, beta2, rest1, rest2, root, rate, keep = factors
    mean = _sum(_product(beta1, mean), _product(rest1, gradient))
    square = _sum(_product(beta2, square), _product(rest2, _product(gradient, gradient)))
    divisor = _sum(_product(_root(square), root), epsilon)
    step = _product(rate, _fp32(Fraction(mean) / Fraction(divisor)))
    return _sum(_product(keep, w), -step), mean, square


def squares(gradient: Sequence[float]) -> float:
    """Sum of squares: neighbours in pairs, then their sums, each square and each sum rounded to fp32."""
    row = [_product(g, g) for g in gradient]
    while len(row) > 1:
        row = [_sum(*pair) if len(pair) == 2 else pair[0] for pair in (row[i : i + 2] for i in range(0, len(row), 2))]
    return row[0]


def clip(gradients: Sequence[Sequence[float]], clip_norm: float) -> float:
    """The factor on all gradients: sums, root and quotient rounded to fp32."""
    total = 0.0
    for gradient in gradients:
        total = _sum(total, squares(gradient))
    norm = _root(total)
    return _fp32(Fraction(clip_norm) / Fraction(norm)) if norm > clip_norm else 1.0


def _fp32(exact: Fraction) -> float:
    """To nearest even, of what doesn't overflow."""
    unit = Fraction(2) ** (max(floor_log2(abs(exact)) if exact else FP32.emin, FP32.emin) - FP32.mantissa_bits)
    return float(round_to_integer(exact / unit, "nearest_even") * unit)


def _product(a: float, b: float) -> float:
    return _fp32(Fraction(a) * Fraction(b))


def _sum(a: float, b: float) -> float:
    return _fp32(Fraction(a) + Fraction(b))


def _root(x: float) -> float:
    """The square root: so many bits that one more, which says whether anything is left, decides every rounding."""
    scaled = Fraction(x) * 4**200
    whole = isqrt(scaled.numerator // scaled.denominator)
    left = whole * whole != scaled
    return _fp32(Fraction(2 * whole + left, 2 * 2**200))
