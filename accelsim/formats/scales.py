"""Scales of integer tensors: from a range of values to a step and a zero point, in float64, alike on every backend.

Minima and maxima don't depend on order, averages are exactly rounded sums, and the rest is one IEEE operation each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from accelsim.formats.blocks import split
from accelsim.formats.doubles import floor_log2, power_of_two
from accelsim.formats.integer import IntegerFormat
from accelsim.formats.multiplier import MANTISSA_BITS
from accelsim.formats.rounding import MAX_RANDOM_BITS, RoundingMode, round_real

GRANULARITIES = ("per_tensor", "per_channel", "per_sample_average", "per_block")


class Scale(NamedTuple):
    """real = (code - zero_point) * step. ``lowest`` is the lowest code that a quantiser emits.

    Steps (float64) and zero points (int64) broadcast against the tensor, except per block: there the blocked axis
    has one entry a block, which ``blocks.spread`` repeats.
    """

    step: Any
    zero_point: Any
    lowest: int


def as_is(xp: Any, step: Any) -> Any:
    """A step held as a double."""
    return step


def as_fp32(xp: Any, step: Any) -> Any:
    """The nearest float32, and the smallest normal one instead of zero."""
    return xp.maximum(step.astype(xp.float32).astype(xp.float64), 2.0**-126)


def as_fixed_point(xp: Any, step: Any) -> Any:
    """31 bits of mantissa, rounded half up as ``FixedPointMultiplier`` does; no step is too small."""
    unit = floor_log2(xp, step) + 1 - MANTISSA_BITS
    return xp.floor(step * power_of_two(xp, -unit) + 0.5) * power_of_two(xp, unit)


def as_power_of_two(xp: Any, step: Any) -> Any:
    """The next power of two up, so that nothing clips."""
    power = power_of_two(xp, floor_log2(xp, step))
    return xp.where(power < step, 2.0 * power, power)


FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "float": as_is,
    "fp32": as_fp32,
    "fixed_point": as_fixed_point,
    "power_of_two": as_power_of_two,
}
"""How the hardware may hold a step."""


def scale_for(
    xp: Any,
    x: Any,
    format_: IntegerFormat,
    granularity: str = "per_tensor",
    form: str = "fp32",
    *,
    affine: bool = False,
    axis: int = -1,
    block: int = 32,
) -> Scale:
    """The scale that covers the range of ``x``, finite values; an all-zero range gets step 1 before ``form``.

    Args:
        xp: the array library.
        x: values.
        format_: integer codes; symmetric scales use -max_code .. max_code (0 .. max_code if unsigned: negative values
            clip), affine ones all codes.
        granularity: ``per_tensor``; ``per_channel`` and ``per_block`` along ``axis``; ``per_sample_average``: each
            sample's minimum and maximum, both averaged over axis 0 (published code of Banner et al. 2018), so that
            values beyond clip.
        form: a key of ``FORMS``.
        affine: gemmlowp's rule: the range is widened to contain 0 and the zero point is an integer, so 0 is exact.
        axis: channel or block axis.
        block: elements a block.

    Raises:
        ValueError: no such granularity or form.
    """
    if form not in FORMS:
        raise ValueError(f"a scale's form is one of {', '.join(FORMS)}, not {form!r}")
    low, high = _range(xp, xp.asarray(x, dtype=xp.float64), granularity, axis, block)
    if not affine:
        bound = xp.maximum(high, -low if format_.signed else 0.0)
        step = FORMS[form](xp, _nonzero(xp, bound / format_.max_code))
        return Scale(step, xp.zeros(step.shape, dtype=xp.int64), format_.symmetric_min_code)
    low, high = xp.minimum(low, 0.0), xp.maximum(high, 0.0)
    step = FORMS[form](xp, _nonzero(xp, (high - low) / (format_.max_code - format_.min_code)))
    zero_point = round_real(xp, format_.min_code - low / step, RoundingMode.NEAREST_AWAY)
    return Scale(step, xp.clip(zero_point, format_.min_code, format_.max_code).astype(xp.int64), format_.min_code)


def scaled_codes(
    xp: Any,
    x: Any,
    scale: Scale,
    format_: IntegerFormat,
    rounding: str = RoundingMode.NEAREST_EVEN,
    random: Any = None,
    random_bits: int = MAX_RANDOM_BITS,
) -> Any:
    """round(x / step) + zero point, saturated; the division is one correctly rounded float64."""
    codes = round_real(xp, xp.asarray(x, dtype=xp.float64) / scale.step, rounding, random, random_bits)
    return xp.clip(codes + scale.zero_point, scale.lowest, format_.max_code).astype(format_.storage)


def scaled_values(xp: Any, codes: Any, scale: Scale) -> Any:
    """(code - zero point) * step as float64; exact for codes and steps of 53 bits together."""
    return (codes.astype(xp.int64) - scale.zero_point).astype(xp.float64) * scale.step


def _range(xp: Any, x: Any, granularity: str, axis: int, block: int) -> tuple[Any, Any]:
    if granularity == "per_tensor":
        return x.min(), x.max()
    if granularity == "per_channel":
        others = tuple(a for a in range(x.ndim) if a != axis % x.ndim)
        return x.min(axis=others, keepdims=True), x.max(axis=others, keepdims=True)
    if granularity == "per_block":
        blocks = split(xp, x, axis, block)
        # The zeros that fill a short block are inside every range that contains 0, and scales need no other range.
        return xp.moveaxis(blocks.min(axis=-1), -1, axis), xp.moveaxis(blocks.max(axis=-1), -1, axis)
    if granularity == "per_sample_average":
        samples = x.reshape(x.shape[0], -1)
        ends = samples.min(axis=1), samples.max(axis=1)
        low, high = (xp.float64(math.fsum(end.tolist()) / x.shape[0]) for end in ends)
        return low, high
    raise ValueError(f"a scale's granularity is one of {', '.join(GRANULARITIES)}, not {granularity!r}")


def _nonzero(xp: Any, step: Any) -> Any:
    return xp.where(step > 0, step, 1.0)
