"""Scale and zero point of affine integers: codes span the tensor's minimum to its maximum, and 0 is one of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.context import Context
from accelsim.datapath.units.scales import expect_finite, extremes, formed, known_ahead
from accelsim.formats import Granularity, IntegerFormat, Role, TensorRule
from accelsim.formats.rounding import RoundingMode, round_real
from accelsim.machine import Tensor
from accelsim.program import TensorSpec


def lower_end(tensor: str) -> str:
    """Under what name the lower end of a range is remembered; the tensor's own name has the upper one."""
    return f"{tensor} below zero"


def choose_affine(
    c: Context, x: Tensor, output: TensorSpec, rule: TensorRule, format_: IntegerFormat
) -> tuple[Any, Any]:
    """Step and zero point (gemmlowp's rule): floats and ints, or one of each for every channel.

    Both ends of the range follow the role's policy, as a symmetric scale's largest magnitude does. A tensor of zeros
    gets the range 0 .. 1 where none is known, and leaves no memory of a range.

    Raises:
        UserError: ``x`` is not finite.
    """
    low, high = _ends(c, x, output, rule)
    span = (high - low) * rule.headroom / (format_.max_code - format_.min_code)
    step = formed(span, rule.scale_form)
    zero = round_real(np, format_.min_code - low * rule.headroom / step, RoundingMode.NEAREST_AWAY)
    zero = np.clip(zero, format_.min_code, format_.max_code).astype(np.int64)
    return step, zero if np.ndim(zero) else int(zero)


def _ends(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> tuple[Any, Any]:
    """Ends of the range, with 0 inside; see ``scales.choose_scale`` for where they come from."""
    name, below = output.plain_name, lower_end(output.plain_name)
    if output.role is Role.ACTIVATION and not c.measures_ranges and name in c.scales.running:
        return -c.scales.running[below], c.scales.running[name]
    found_low, found_high = extremes(c, x, output, rule.granularity)
    expect_finite(c, x, found_high - found_low)
    low, high = np.minimum(found_low, 0.0), np.maximum(found_high, 0.0)
    is_zero = high == low
    high = np.where(is_zero, 1.0, high)
    if rule.granularity is Granularity.PER_CHANNEL:
        return low, high
    if c.measures_ranges and (rule.one_pass or output.role is Role.ACTIVATION):
        known = known_ahead(c, below, rule), known_ahead(c, name, rule)
        for side, end in () if is_zero else ((below, -low), (name, high)):
            c.scales.observe(side, float(end), momentum=c.recipe.range_momentum, length=rule.history)
        if known[1] is not None:
            return -(known[0] or 0.0), known[1]
    return float(low), float(high)
