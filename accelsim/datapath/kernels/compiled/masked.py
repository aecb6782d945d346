"""Sums and products that wait for the ReLU's mask, so that masking them takes no pass of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import fused
from accelsim.datapath.kernels.compiled.deferred import Plan, pending, plain
from accelsim.datapath.kernels.compiled.notes import Notes
from accelsim.datapath.kernels.compiled.scaled import ScaledRows
from accelsim.datapath.kernels.compiled.workers import Workers


class Maskable(Plan):
    """An int32 array that can also be made as zeros where a mask isn't positive. Its peak is noted."""

    def __init__(self, peaks: Notes[int]) -> None:
        super().__init__(np.int32)
        self.peaks = peaks

    def make(self) -> Any:
        return self._noted(None)

    def masked(self, y: Any) -> Any:
        """The array where ``y`` (int8, contiguous, of the same size) is positive, else 0; nothing is kept."""
        return self._noted(y)

    def _noted(self, y: Any) -> Any:
        out, peak = self.compute(y)
        self.peaks.note(out, peak)
        return out

    @abstractmethod
    def compute(self, y: Any) -> tuple[Any, int]:
        """The array, masked where ``y`` is not None, and its largest magnitude."""


class Product(Maskable):
    """A convolution: ``convolve(y)`` returns it and its peak."""

    def __init__(self, peaks: Notes[int], convolve: Callable[[Any], tuple[Any, int]]) -> None:
        super().__init__(peaks)
        self._convolve = convolve

    def compute(self, y: Any) -> tuple[Any, int]:
        return self._convolve(y)

    def forget(self) -> None:
        del self._convolve


class Sum(Maskable):
    """a + b, each by its multiplier (mantissa and shift of a, then of b); ``fits`` says that no sum leaves int32."""

    def __init__(
        self, workers: Workers, peaks: Notes[int], a: Any, b: Any, numbers: tuple[int, int, int, int], fits: bool
    ) -> None:
        super().__init__(peaks)
        if pending(b, ScaledRows) is not None and pending(a, ScaledRows) is None:
            a, b, numbers = b, a, (*numbers[2:], *numbers[:2])
        self.workers, self.a, self.b, self.numbers, self.fits = workers, a, plain(b), numbers, fits

    def compute(self, y: Any) -> tuple[Any, int]:
        words, size = pending(self.a, ScaledRows), self.a.size
        right, out = self.b.reshape(-1), np.empty(size, dtype=np.int32)
        # Words with others in their places are no longer those that the codes give.
        if words is not None and words.patches is None and y is None:
            return out, self._from_codes(words, right, out)
        left, mask = plain(self.a).reshape(-1), None if y is None else y.reshape(-1)

        def work(start: int, stop: int) -> int:
            parts = left[start:stop], right[start:stop]
            if mask is None:
                return int(fused.add(*parts, out[start:stop], self.numbers, self.fits))
            return int(fused.add_masked(*parts, mask[start:stop], out[start:stop], self.numbers, self.fits))

        return out, max(self.workers.spread(size, 1, work))

    def _from_codes(self, words: ScaledRows, right: Any, out: Any) -> int:
        source, lanes = words.source, words.source.shape[1]

        def work(start: int, stop: int) -> int:
            i, j, rows = start * lanes, stop * lanes, source[start:stop]
            numbers = self.numbers, self.fits
            return int(fused.add_scaled(rows, words.scaling, words.block, right[i:j], out[i:j], *numbers))

        return int(max(self.workers.spread(source.shape[0], lanes, work)))

    def forget(self) -> None:
        del self.a, self.b
