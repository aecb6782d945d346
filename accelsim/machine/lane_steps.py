"""What functions and conversions take on a lane: counted once, for all instructions that need them."""

from __future__ import annotations

import math
from typing import NamedTuple

from accelsim.formats import FP32, FloatFormat, Format, IntegerFormat, ScaleForm, TensorRule
from accelsim.formats.integer_blocks import IntegerBlockFormat
from accelsim.formats.recipe import SCALED_BELOW_BITS


class Steps(NamedTuple):
    """Multiplications and additions that one operation takes on a lane; a comparison or a look-up is an addition."""

    multiplies: int
    adds: int


RECIPROCAL = Steps(4, 3)
"""Newton's x <- x (2 - d x) twice from a table of 8 bits, enough for 24."""
DIVISION = Steps(RECIPROCAL.multiplies + 1, RECIPROCAL.adds)
"""The reciprocal, then the numerator."""
ROOT = Steps(7, 3)
"""Newton's x <- x (3/2 - a/2 x x) twice from a table of 8 bits, towards 1 / sqrt(a), then a."""
EXPONENTIAL = Steps(6, 6)
"""A power of two: a polynomial of degree six of what is behind the point; what is before it becomes the exponent."""


def is_power_of_two(factor: float) -> bool:
    """Whether a multiplication by ``factor`` > 0 moves exponents alone, which takes no multiplier."""
    return math.frexp(factor)[0] == 0.5


def has_scale(format_: Format) -> bool:
    """Whether floats or blocks of a format lie under a scale that may be any number, not a power of two alone."""
    narrow = isinstance(format_, FloatFormat) and format_.bits < SCALED_BELOW_BITS
    return narrow or format_.tensor_scaled or isinstance(format_, IntegerBlockFormat)


def conversion(source: Format, rule: TensorRule, *, scaled: bool) -> Steps:
    """What the quantise unit does to bring an element of ``source`` to the format of ``rule``.

    Rounding and saturation are an addition each, and so is a zero point. ``scaled``: ``source`` are floats under a
    scale of their own. What scale integers have is not known ahead, so they are multiplied.
    """
    target = rule.format
    if target.family in ("ternary", "binary"):
        # Compared with both thresholds, or with 0: they are brought to the scale of what is read.
        return Steps(0, 2 if target.family == "ternary" else 1)
    multiplied = scaled or source.is_integer or _is_multiplied_for(rule)
    if not isinstance(target, FloatFormat):
        return Steps(int(multiplied), 2 + rule.affine)
    if not isinstance(source, FloatFormat) or (multiplied and source.bits < FP32.bits):
        source = FP32
    return Steps(int(multiplied), _float_adds(source, target))


def _is_multiplied_for(rule: TensorRule) -> bool:
    """Whether numbers without a scale are multiplied to come under the one of ``rule``."""
    any_scale = isinstance(rule.format, IntegerFormat) or has_scale(rule.format)
    return any_scale and rule.scale_form is not ScaleForm.POWER_OF_TWO


def _float_adds(source: FloatFormat, target: FloatFormat) -> int:
    """Rounding, where ``target`` has fewer bits; and a comparison where exponents may be too large for it, which makes
    the largest number or infinity. Where neither can be the number is only moved."""
    smaller = target.emax < source.emax
    return (smaller or target.mantissa_bits < source.mantissa_bits) + smaller
