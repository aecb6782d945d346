"""Words of the norm unit that are made only where somebody reads them: codes times a multiplier a channel."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath.kernels.compiled import channels, fused, loops
from accelsim.datapath.kernels.compiled.deferred import Plan
from accelsim.datapath.kernels.compiled.notes import Notes
from accelsim.datapath.kernels.compiled.workers import Workers
from accelsim.datapath.kernels.philox import MASK, RandomStream

NOTHING = np.zeros(0, dtype=np.int8)
NO_KEY = np.zeros(4, dtype=np.uint64)


class Patches(NamedTuple):
    """``words`` that replace others at ``places`` of the flat array."""

    places: Any
    words: Any


class ScaledRows(Plan):
    """((x << bits) mantissa + constant) >> shift of codes x (rows, channels), int32: nothing on the way saturates."""

    def __init__(
        self, workers: Workers, peaks: Notes[int], x: Any, numbers: tuple[Any, Any, Any], bits: int, extremes: Any
    ) -> None:
        """``numbers`` are mantissa, constant and shift of each lane (the channels of as many rows as lie side by
        side); ``extremes()`` the largest and the smallest code of each channel."""
        super().__init__(np.int32)
        self.workers, self.peaks = workers, peaks
        self.scaling, self.extremes = (*numbers, bits), extremes
        self.codes, self.source = x, x.reshape(-1, numbers[0].size)
        self.patches: Patches | None = None
        self._peak: int | None = None
        self._waiting: list[weakref.ref[Narrowed]] = []

    @property
    def block(self) -> int:
        """Rows that a pass takes at a time."""
        return fused.block_rows(self.source.shape[1])

    def peak(self) -> int:
        """The largest magnitude of all words, from the extreme codes of each channel."""
        if self._peak is None:
            high, low = self.extremes()
            passed = int(channels.scaled_peak(high, low, *self.scaling))
            self._peak = passed if self.patches is None else self._patched_peak(self.patches, passed)
        return self._peak

    def _patched_peak(self, patches: Patches, passed: int) -> int:
        old = np.empty(patches.words.size, dtype=np.int32)
        fused.scaled_at(self.codes.reshape(-1), patches.places, self.codes.shape[1], self.scaling, old)
        replaced, new = loops.largest_magnitude(old), loops.largest_magnitude(patches.words)
        if replaced < passed or not passed:
            return max(passed, int(new))
        # The largest word itself was replaced: the largest of the others is unknown.
        flat = self.array().reshape(-1)
        return int(max(self.workers.spread(flat.size, 1, lambda i, j: loops.largest_magnitude(flat[i:j]))))

    def make(self) -> Any:
        out, source = np.empty(self.codes.shape, dtype=np.int32), self.source
        target = out.reshape(source.shape)

        def work(start: int, stop: int) -> int:
            return int(channels.scale_lanes(source[start:stop], target[start:stop], *self.scaling))

        peak = max(self.workers.spread(source.shape[0], source.shape[1], work))
        if self.patches is None:
            self.peaks.note(out, peak)
        else:
            out.reshape(-1)[self.patches.places] = self.patches.words
            if self._peak is not None:
                self.peaks.note(out, self._peak)
        return out

    def expect(self, narrowed: Narrowed) -> None:
        """``narrowed`` reads these words: a pass that makes other codes of them makes its codes too."""
        self._waiting.append(weakref.ref(narrowed))

    def narrow(self) -> list[tuple[Narrowed, Any]]:
        """All codes that somebody still waits for, two at a time: rounded to nearest beside stochastic ones."""
        waiting = [plan for reference in self._waiting if (plan := reference()) is not None and not plan.is_made]
        self._waiting.clear()
        near = [plan for plan in waiting if plan.stream is None]
        dithered = [plan for plan in waiting if plan.stream is not None]
        made = []
        while near or dithered:
            made += self._pass(near.pop() if near else None, dithered.pop() if dithered else None)
        return made

    def _pass(self, near: Narrowed | None, dithered: Narrowed | None) -> list[tuple[Narrowed, Any]]:
        source, lanes, size = self.source, self.source.shape[1], self.source.size
        first = NOTHING if near is None else np.empty(size, dtype=near.dtype)
        second = NOTHING if dithered is None else np.empty(size, dtype=dithered.dtype)
        numbers = (0, 0, 0, 0) if near is None else near.numbers
        dither = (0, 31, 16, 0, 0) if dithered is None else dithered.numbers
        key = NO_KEY if dithered is None or dithered.stream is None else key_of(dithered.stream)

        def work(start: int, stop: int) -> None:
            i, j = start * lanes, stop * lanes
            rows = source[start:stop]
            fused.narrow_scaled(rows, self.scaling, self.block, first[i:j], numbers, second[i:j], dither, i, key)

        self.workers.spread(source.shape[0], lanes, work, multiple=self.block)
        if self.patches is not None:
            places = self.patches.places
            if near is not None:
                fused.patch_nearest(self.patches.words, places, first, numbers)
            if dithered is not None:
                fused.patch_dithered(self.patches.words, places, second, key, dither)
        return [(plan, codes) for plan, codes in ((near, first), (dithered, second)) if plan is not None]


class Narrowed(Plan):
    """Words rounded to narrow codes: to nearest (``numbers``: mantissa, exponent, low, high), or with the random bits
    of ``stream`` (mantissa, shift, random bits, low, high)."""

    def __init__(
        self, words: ScaledRows, storage: str, numbers: tuple[int, ...], stream: RandomStream | None = None
    ) -> None:
        super().__init__(storage)
        self.words, self.numbers, self.stream = words, numbers, stream
        words.expect(self)

    def rectified(self) -> Narrowed:
        """The same codes with negative ones replaced by 0."""
        *head, low, high = self.numbers
        return Narrowed(self.words, self.dtype.name, (*head, max(low, 0), high), self.stream)

    def make(self) -> Any:
        own = None
        for plan, codes in self.words.narrow():
            if plan is self:
                own = codes
            else:
                plan.keep(codes)
        return own

    def forget(self) -> None:
        del self.words


def key_of(stream: RandomStream) -> Any:
    """A stream as the compiled loops take it."""
    return np.array([stream.step & MASK, stream.step >> 32, stream.seed, stream.tensor], dtype=np.uint64)
