"""Stored words rounded to narrow codes, made where the first reader can join the pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import fused, loops
from accelsim.datapath.kernels.compiled.channels import wide
from accelsim.datapath.kernels.compiled.column import (
    added,
    first_extremes,
    folded,
    folded_extremes,
    joined,
    lane_sums,
    widened,
)
from accelsim.datapath.kernels.compiled.deferred import Plan
from accelsim.datapath.kernels.compiled.workers import Workers

BEYOND = np.array([[-(1 << 15)], [(1 << 15) - 1]], dtype=np.int16)
"""What every 16-bit code widens: a largest and a smallest one to start from."""


class Requantised(Plan):
    """``x`` by a fixed-point multiplier, rounded to nearest; ``numbers`` are mantissa, exponent, low and high."""

    def __init__(self, workers: Workers, x: Any, storage: str, numbers: tuple[int, int, int, int]) -> None:
        super().__init__(storage)
        self.workers, self.x, self.numbers = workers, x, numbers

    def rectified(self) -> Requantised:
        """The same codes with negative ones replaced by 0."""
        mantissa, exponent, low, high = self.numbers
        return Requantised(self.workers, self.x, self.dtype.name, (mantissa, exponent, max(low, 0), high))

    def make(self) -> Any:
        source, out = self.x.reshape(-1), np.empty(self.x.size, dtype=self.dtype)
        mantissa, exponent, low, high = self.numbers

        def work(start: int, stop: int) -> None:
            piece, target = source[start:stop], out[start:stop]
            if piece.dtype == np.int32:
                fused.round_nearest(piece, target, mantissa, exponent, low, high)
            else:
                loops.requantise(piece, target, mantissa, max(exponent, 0), max(-exponent, 0), low, high)

        self.workers.spread(self.x.size, 1, work)
        return out

    def statistics(self, rows: int, channels: int) -> tuple[Any, tuple[Any, Any, Any]]:
        """Make int8 codes and, while a slice of them is in the cache, find their sums over rows by channel, and the
        largest and smallest code of each channel and the first rows where they stand, as ``first_extremes``."""
        beside = wide(rows, channels)
        lanes = beside * channels
        words, out = self.x.reshape(-1, lanes), np.empty((rows // beside, lanes), dtype=np.int8)

        def work(start: int, stop: int) -> tuple[Any, Any]:
            codes = out[start:stop]
            fused.round_nearest(words[start:stop].reshape(-1), codes.reshape(-1), *self.numbers)
            return lane_sums(codes), first_extremes(codes, channels, start * beside)

        found = self.workers.spread(rows // beside, lanes, work)
        self.keep(out)
        return folded(added([part[0] for part in found]), channels), joined([part[1] for part in found])

    def can_be_measured(self) -> bool:
        """True where ``statistics`` can make the codes: int8 from int32."""
        return bool(self.x.dtype == np.int32 and self.dtype == np.int8)

    def can_sum(self, other: Any) -> bool:
        """True where ``sums`` can make the codes: int16 from int32, beside int8."""
        return bool(self.x.dtype == np.int32 and self.dtype == np.int16 and other.dtype == np.int8)

    def sums(self, other: Any) -> tuple[Any, Any, tuple[Any, Any]]:
        """Make the codes and, in the same pass, their sums over rows by channel, those of their products with
        ``other`` (rows, channels), and the largest and smallest code of each channel."""
        rows, channels = other.shape
        beside = wide(rows, channels)
        lanes = beside * channels
        out = np.empty((rows // beside, lanes), dtype=np.int16)
        words, others = (np.ascontiguousarray(part).reshape(out.shape) for part in (self.x, other))
        block = min(fused.block_rows(lanes), fused.SUMMED)

        def work(start: int, stop: int) -> tuple[Any, Any]:
            totals, extremes = np.zeros((2, lanes), dtype=np.int64), np.empty((2, lanes), dtype=np.int16)
            extremes[:] = BEYOND
            some = words[start:stop], others[start:stop], block, out[start:stop]
            fused.narrow_and_sum(*some, self.numbers, totals[0], totals[1], extremes[0], extremes[1])
            return totals, extremes

        found = self.workers.spread(rows // beside, lanes, work, multiple=block)
        ends = found[0][1]
        for _, later in found[1:]:
            widened(ends, later)
        self.keep(out)
        total, (high, low) = folded(added([part[0] for part in found]), channels), folded_extremes(ends, channels)
        return total[0], total[1], (high, low)

    def forget(self) -> None:
        del self.x
