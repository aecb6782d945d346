"""Quantise-unit kernels, compiled: one pass, random bits made beside the rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import loops, philox
from accelsim.datapath.kernels.compiled.jit import Workers
from accelsim.datapath.kernels.philox import RandomStream
from accelsim.datapath.kernels.rounding import RoundingKernels
from accelsim.formats import FixedPointMultiplier

LANES = 8
CHUNK = 1 << 13
"""Elements whose random bits are made at a time: they stay in the first-level cache."""


class CompiledRounding(RoundingKernels):
    """Same bits as the NumPy kernels."""

    workers: Workers

    def requantise(self, x: Any, multiplier: FixedPointMultiplier, low: int, high: int, storage: str) -> Any:
        if multiplier.mantissa.ndim:
            return super().requantise(x, multiplier, low, high, storage)
        mantissa, exponent = int(multiplier.mantissa), int(multiplier.exponent)
        source, out = x.reshape(-1), np.empty(x.size, dtype=storage)

        def work(start: int, stop: int) -> None:
            piece, target = source[start:stop], out[start:stop]
            loops.requantise(piece, target, mantissa, max(exponent, 0), max(-exponent, 0), low, high)

        self.workers.spread(x.size, 1, work)
        return out.reshape(x.shape)

    def requantise_stochastic(
        self, x: Any, multiplier: FixedPointMultiplier, random: RandomStream, low: int, high: int, storage: str
    ) -> Any:
        mantissa, shift = int(multiplier.mantissa), 31 - int(multiplier.exponent)

        def step(piece: Any, codes: Any, target: Any) -> None:
            loops.requantise_stochastic(piece, codes, target, mantissa, shift, random.bits, low, high)

        return self._dithered(x, random, storage, step)

    def quantise(self, x: Any, scale: float, low: int, high: int, storage: str) -> Any:
        source, out = x.reshape(-1), np.empty(x.size, dtype=storage)

        def work(start: int, stop: int) -> None:
            loops.quantise(source[start:stop], out[start:stop], scale, float(low), float(high))

        self.workers.spread(x.size, 1, work)
        return out.reshape(x.shape)

    def quantise_stochastic(self, x: Any, scale: float, random: RandomStream, low: int, high: int, storage: str) -> Any:
        def step(piece: Any, codes: Any, target: Any) -> None:
            loops.quantise_stochastic(piece, codes, target, scale, random.bits, float(low), float(high))

        return self._dithered(x, random, storage, step)

    def rescale(self, x: Any, multiplier: FixedPointMultiplier, storage: str = "int64") -> Any:
        rows = x.reshape(-1, x.shape[-1])
        mantissa, shift = per_channel(multiplier, rows.shape[1])
        out = np.empty(rows.shape, dtype=storage)

        def work(start: int, stop: int) -> None:
            loops.rescale_rows(rows[start:stop], out[start:stop], mantissa, shift)

        self.workers.spread(rows.shape[0], rows.shape[1], work)
        return out.reshape(x.shape)

    def _dithered(self, x: Any, random: RandomStream, storage: str, step: Any) -> Any:
        """Run ``step(codes in, random lanes, codes out)`` over chunks; lanes are whole 16-bit words."""
        source, out = x.reshape(-1), np.empty(x.size, dtype=storage)
        low, high = np.uint32(random.step & 0xFFFFFFFF), np.uint32(random.step >> 32)
        seed, tensor = np.uint32(random.seed), np.uint32(random.tensor)

        def work(start: int, stop: int) -> None:
            words = np.empty(CHUNK // 2, dtype=np.uint32)
            for at in range(start, stop, CHUNK):
                end = min(at + CHUNK, stop)
                used = words[: -(-(end - at) // LANES) * 4]
                philox.fill(used, at // LANES, low, high, seed, tensor)
                # Little-endian halves of the words are the lanes, low half first.
                step(source[at:end], used.view("<u2")[: end - at], out[at:end])

        self.workers.spread(x.size, 1, work, multiple=CHUNK)
        return out.reshape(x.shape)


def per_channel(multiplier: FixedPointMultiplier, channels: int) -> tuple[Any, Any]:
    """Mantissas and right shifts as arrays of shape (channels,)."""
    shape = (channels,)
    mantissa = np.ascontiguousarray(np.broadcast_to(multiplier.mantissa, shape))
    return mantissa, np.ascontiguousarray(np.broadcast_to(31 - multiplier.exponent, shape))
