"""Quantise unit in one pass over memory a rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.gpu.base import LANES, CudaBase, key_of, types
from accelsim.datapath.kernels.philox import RandomStream
from accelsim.formats import FixedPointMultiplier, RandomSource, Rounding

MODES = {Rounding.TRUNCATE: 0, Rounding.NEAREST_EVEN: 1, Rounding.NEAREST_AWAY: 2}
"""Numbers of the roundings in ``requantise.cu``."""


class CudaRounding(CudaBase):
    """Limits of one number; a limit for each channel takes the portable way."""

    def random_codes(self, stream: RandomStream, elements: int) -> Any:
        if stream.source is not RandomSource.PHILOX:
            return super().random_codes(stream, elements)
        out = self.xp.empty(elements, dtype="uint16")
        self.elementwise("random_codes", (), elements, out, elements, *key_of(stream), each=LANES)
        return out

    def requantise(self, x: Any, multiplier: FixedPointMultiplier, low: int, high: int, storage: str) -> Any:
        if np.ndim(low) or not self.knows("requantise", X=x.dtype, OUT=storage):
            return super().requantise(x, multiplier, low, high, storage)
        return self._narrowed("requantise", x, storage, *self.numbers(multiplier, x.shape[-1]), int(low), int(high))

    def requantise_once(
        self, x: Any, multiplier: FixedPointMultiplier, rounding: Rounding, low: int, high: int, storage: str
    ) -> Any:
        if np.ndim(low) or not self.knows("requantise_once", X=x.dtype, OUT=storage):
            return super().requantise_once(x, multiplier, rounding, low, high, storage)
        numbers = self.numbers(multiplier, x.shape[-1])
        return self._narrowed("requantise_once", x, storage, *numbers, MODES[rounding], int(low), int(high))

    def requantise_stochastic(
        self, x: Any, multiplier: FixedPointMultiplier, random: RandomStream, low: int, high: int, storage: str
    ) -> Any:
        philox = random.source is RandomSource.PHILOX
        if np.ndim(low) or not philox or not self.knows("requantise_stochastic", X=x.dtype, OUT=storage):
            return super().requantise_stochastic(x, multiplier, random, low, high, storage)
        numbers = (*self.numbers(multiplier, x.shape[-1]), int(low), int(high), *key_of(random))
        return self._narrowed("requantise_stochastic", x, storage, *numbers, each=LANES)

    def rescale(self, x: Any, multiplier: FixedPointMultiplier, storage: str = "int64") -> Any:
        if not self.knows("rescale", X=x.dtype, OUT=storage):
            return super().rescale(x, multiplier, storage)
        return self._narrowed("rescale", x, storage, *self.numbers(multiplier, x.shape[-1]))

    def quantise(self, x: Any, scale: Any, low: int, high: int, storage: str) -> Any:
        if np.ndim(scale) or np.ndim(low) or not self.knows("quantise", X=x.dtype, OUT=storage):
            return super().quantise(x, scale, low, high, storage)
        return self._narrowed("quantise", x, storage, float(scale), float(low), float(high))

    def quantise_stochastic(self, x: Any, scale: Any, random: RandomStream, low: int, high: int, storage: str) -> Any:
        philox = random.source is RandomSource.PHILOX
        known = philox and self.knows("quantise_stochastic", X=x.dtype, OUT=storage)
        if np.ndim(scale) or np.ndim(low) or not known:
            return super().quantise_stochastic(x, scale, random, low, high, storage)
        numbers = float(scale), float(low), float(high), 0.5**random.bits, *key_of(random)
        return self._narrowed("quantise_stochastic", x, storage, *numbers, each=LANES)

    def floats(self, x: Any, scale: Any, storage: str) -> Any:
        if storage != "float32" or np.ndim(scale) > 1 or not self.knows("floats", X=x.dtype):
            return super().floats(x, scale, storage)
        out, one = self.xp.empty(x.shape, dtype=storage), np.ndim(scale) == 0
        numbers = (None, 0, float(scale)) if one else (self.xp.asarray(scale), x.shape[-1], 0.0)
        self.elementwise("floats", types(X=x.dtype), x.size, self.packed(x), out, x.size, *numbers)
        return out

    def add(self, a: Any, b: Any, first: FixedPointMultiplier, second: FixedPointMultiplier) -> Any:
        if first.mantissa.ndim or second.mantissa.ndim or not self.knows("add", X=a.dtype, Y=b.dtype):
            return super().add(a, b, first, second)
        out = self.xp.empty(a.shape, dtype="int32")
        numbers = [number for by in (first, second) for number in self.numbers(by, 0)[2:]]
        arrays = self.packed(a), self.packed(b)
        self.elementwise("add", types(X=a.dtype, Y=b.dtype), out.size, *arrays, out, out.size, *numbers)
        return out

    def wrap(self, x: Any, bits: int, storage: str) -> Any:
        same = x.dtype == storage and bits == 8 * x.dtype.itemsize
        if same or not self.knows("wrap", X=x.dtype, OUT=storage):
            return super().wrap(x, bits, storage)
        return self._narrowed("wrap", x, storage, bits)

    def _narrowed(self, name: str, x: Any, storage: str, *numbers: Any, each: int = 1) -> Any:
        out = self.xp.empty(x.shape, dtype=storage)
        self.elementwise(name, types(X=x.dtype, OUT=storage), x.size, self.packed(x), out, x.size, *numbers, each=each)
        return out
