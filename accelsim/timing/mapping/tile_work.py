"""The work of many tilings of a product at once: what the steps of each ``LoopNest`` add up to."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.timing.mapping.holding import Numbers
from accelsim.timing.mapping.loop_nest import AXES, Product
from accelsim.timing.mapping.shares import Cut
from accelsim.timing.mapping.systolic import Axis, FoldClock, size


@dataclass(frozen=True)
class TileWork:
    """Of ``product`` in tiles of these lengths, with so many visits to each fold and passes over each operand."""

    product: Product
    tile: dict[Axis, Numbers]
    visits: Numbers
    passes: tuple[Numbers, Numbers]

    @cached_property
    def least_cycles(self) -> Numbers:
        """Busy cycles of all steps."""
        cycles = self._ends
        for m_last, k_last, n_last in itertools.product((False, True), repeat=3):
            last: dict[Axis, bool] = {"m": m_last, "k": k_last, "n": n_last}
            times = np.ones_like(self.visits)
            for axis in AXES:
                times = times if last[axis] else times * (self._cuts[axis].count - 1)
            cycles = cycles + times * self._step(last)
        return np.maximum(cycles, self._port_cycles)

    @cached_property
    def _cuts(self) -> dict[Axis, Cut[Numbers]]:
        return {axis: Cut(size(self.product.gemm, axis), self.tile[axis]) for axis in AXES}

    @cached_property
    def _clock(self) -> FoldClock:
        return FoldClock(self.product.gemm, self.product.array)

    @cached_property
    def _whole_stream(self) -> Numbers:
        return np.full_like(self.visits, self._clock.steps)

    @property
    def _ends(self) -> Numbers:
        """The first fill and the last drain."""
        cut = self._cuts[self._clock.mapping.streamed]
        first, last = (np.where(self.visits > 1, cut.tile_length(last), self._whole_stream) for last in (False, True))
        return self.product.passes * (self._clock.fill_cycles(first) + self._clock.drain_cycles(last))

    def _step(self, last: dict[Axis, bool]) -> Numbers:
        """Of one step: the array, or its share of the busiest port or of the drain where that is more."""
        work = self._work(last)
        share = self._port_cycles
        for axis in AXES:
            share = self._cuts[axis].even(share, last[axis])
        drain = np.full_like(share, self.product.output.drain_cycles)
        for axis in ("m", "n"):
            drain = self._cuts[axis].even(drain, last[axis])
        return np.maximum(np.maximum(work, share), drain if last["k"] else 0)

    def _work(self, last: dict[Axis, bool]) -> Numbers:
        mapping, cuts = self._clock.mapping, self._cuts
        rows, columns = (cuts[axis].tile_length(last[axis]) for axis in (mapping.rows, mapping.columns))
        cut = cuts[mapping.streamed]
        visit = self._clock.stream_cycles(rows, columns, cut.tile_length(last[mapping.streamed]))
        whole = self._clock.stream_cycles(rows, columns, self._whole_stream)
        stream = np.where(self.visits > 1, visit, cut.share(whole, last[mapping.streamed]))
        return np.asarray(self.product.passes * stream)

    @cached_property
    def _port_cycles(self) -> Numbers:
        """What the busiest port needs in all."""
        product, again = self.product, self.visits - 1
        cycles = np.maximum(product.port_cycles, product.revisit.port_cycles(self.visits.astype(float)).astype(int))
        traffic, others = product.revisit.traffic, (sum(product.streams), product.preset_bytes)
        for operand, passes, other, more in zip(
            (product.left, product.right), self.passes, others, (traffic.input, traffic.weight), strict=True
        ):
            if operand.port:
                tiles = operand.moved_bytes * passes + other + again * more.bytes
                cycles = np.maximum(cycles, -(-(operand.port.array_bytes + tiles) // operand.port.bytes_per_cycle))
        return np.asarray(cycles)
