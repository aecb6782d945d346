"""What a quantiser lost: codes at the edge of the range, and values that became zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


def count(xp: Any, x: Tensor, codes: Any, scale: Any, low: int, high: int) -> QuantiserCount:
    """Compare codes with the values they stand for; clipped means further out than half a code beyond the last."""
    values = x.data.astype("float64") * x.scale
    outside = (values > (high + 0.5) * scale) | (values < (low - 0.5) * scale)
    error, power = ((codes * scale - values) ** 2).sum(), (values**2).sum()
    ratio = 10 * xp.log10(power / error) if error > 0 and power > 0 else xp.inf
    vanished = (codes == 0) & (values != 0)
    return QuantiserCount(int(codes.size), int(outside.sum()), int(vanished.sum()), float(ratio))
