"""What a quantiser lost: codes at the edge of the range, and values that became zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accelsim.datapath.arrays import on_device
from accelsim.formats import FloatFormat, Format, IntegerFormat
from accelsim.formats.blocks import spread
from accelsim.formats.doubles import power_of_two
from accelsim.formats.flexpoint import FlexpointFormat
from accelsim.formats.integer_blocks import IntegerBlockFormat
from accelsim.formats.mx import BlockFormat, quantise_blocks
from accelsim.formats.scales import scale_for
from accelsim.machine import Tensor


@dataclass(frozen=True)
class QuantiserCount:
    """Of one tensor in one step: elements, those clipped, non-zero values that became code 0, and noise.

    ``sqnr_db`` is the ratio of the signal's power to the quantisation error's, in decibels (infinite without error).
    """

    elements: int
    saturated: int
    underflowed: int
    sqnr_db: float


def count(
    xp: Any, x: Tensor, codes: Any, scale: Any, format_: Format, zero_point: Any = None, axis: int = -1
) -> QuantiserCount:
    """Compare codes with the values they stand for.

    Clipped is the largest code, or number, that stands for something more than half a unit in its last place beyond.
    ``codes`` have their ``zero_point`` subtracted already; blocks lie along ``axis``.
    """
    scale, zero_point = on_device(xp, scale), on_device(xp, zero_point)
    values = x.data.astype("float64") * on_device(xp, x.scale)
    stored = codes.astype("float64")
    held = stored * scale
    if zero_point is None:
        largest, half = _edge(xp, values, format_, axis)
        outside = (xp.abs(stored) >= largest) & (xp.abs(values) - xp.abs(held) > half * scale)
    else:
        outside = _beyond(codes + zero_point, values - held, scale, format_)
    error, power = ((held - values) ** 2).sum(), (values**2).sum()
    ratio = 10 * xp.log10(power / error) if error > 0 and power > 0 else xp.inf
    vanished = (codes == 0) & (values != 0)
    return QuantiserCount(int(codes.size), int(outside.sum()), int(vanished.sum()), float(ratio))


def _beyond(codes: Any, error: Any, scale: Any, format_: Format) -> Any:
    if not isinstance(format_, IntegerFormat):
        raise TypeError(f"{format_} has no zero point")
    above = (codes == format_.max_code) & (error > 0.5 * scale)
    return above | ((codes == format_.min_code) & (error < -0.5 * scale))


def _edge(xp: Any, values: Any, format_: Format, axis: int) -> tuple[Any, Any]:
    """Largest code or number, and half a unit in its last place; arrays for blocks, infinite for signs, which span no
    range."""
    if isinstance(format_, IntegerFormat | FlexpointFormat):
        return float(format_.max_code), 0.5
    if isinstance(format_, FloatFormat):
        return format_.max_normal, 2.0 ** (format_.emax - format_.mantissa_bits - 1)
    if not isinstance(format_, BlockFormat):
        return float("inf"), 0.0
    largest, half = _edge(xp, values, format_.element, axis)
    unit = spread(xp, _units(xp, values, format_, axis), axis, format_.block, values.shape[axis])
    return largest * unit, half * unit


def _units(xp: Any, values: Any, format_: BlockFormat, axis: int) -> Any:
    """What 1 of an element stands for, one a block along ``axis``: floats are numbers, integers codes."""
    if isinstance(format_, IntegerBlockFormat) and isinstance(format_.element, IntegerFormat):
        return scale_for(xp, values, format_.element, "per_block", axis=axis, block=format_.block).step
    point = 2 - format_.bits if isinstance(format_.element, IntegerFormat) else 0
    return power_of_two(xp, quantise_blocks(xp, values, format_, axis).exponents + point)
