"""The oracle of the integer update: one weight and its velocity in plain Python integers.

real = code x 2**-exponent. The accumulator has 16 bits below the velocity's unit.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from accelsim.datapath.reference import saturate
from accelsim.formats.reference import round_to_integer, shift_right

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
