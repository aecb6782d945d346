"""Wide integers as the vector unit reads them: 32-bit words."""

from __future__ import annotations

from typing import Any, NamedTuple

from accelsim.datapath.context import Context
from accelsim.machine import Tensor

WORD_BITS = 32


class Words(NamedTuple):
    """Codes that fit 32 bits, their scale, and a bound on their magnitude."""

    data: Any
    scale: float
    peak: int


def in_words(c: Context, x: Tensor, spare_bits: int = 0) -> Words:
    """Integers of ``x``, shifted right where the largest needs more than 32 bits less ``spare_bits``."""
    data = c.kernels.xp.asarray(x.data)
    peak = int(c.kernels.largest_magnitude(data))
    shift = excess_bits(peak << spare_bits)
    return Words(data.astype("int64") >> shift, x.scale * 2.0**shift, (peak >> shift) + 1)


def excess_bits(peak: int) -> int:
    """Bits that a magnitude has beyond those of a signed 32-bit word."""
    return max(0, peak.bit_length() - (WORD_BITS - 1))
