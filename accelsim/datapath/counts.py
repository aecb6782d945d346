"""What a quantiser lost: codes at the edge of the range, and values that became zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accelsim.datapath.arrays import on_device
from accelsim.formats import FloatFormat, Format, IntegerFormat
from accelsim.formats.flexpoint import FlexpointFormat
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


def count(xp: Any, x: Tensor, codes: Any, scale: Any, format_: Format, zero_point: Any = None) -> QuantiserCount:
    """Compare codes with the values they stand for; clipped is a code at the edge that stands for something beyond.

    ``codes`` have their ``zero_point`` subtracted already.
    """
    scale, zero_point = on_device(xp, scale), on_device(xp, zero_point)
    values = x.data.astype("float64") * on_device(xp, x.scale)
    held = codes * scale
    if zero_point is None:
        edge = _largest(format_)
        outside = (xp.abs(codes) >= edge) & (xp.abs(values) > xp.abs(held) * (1 + 0.5 / edge))
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


def _largest(format_: Format) -> float:
    """Largest code or number; infinite for formats whose edge differs from block to block."""
    if isinstance(format_, IntegerFormat | FlexpointFormat):
        return float(format_.max_code)
    return format_.max_normal if isinstance(format_, FloatFormat) else float("inf")
