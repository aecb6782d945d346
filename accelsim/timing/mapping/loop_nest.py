"""The pieces of a tiled product: which tile of which operand moves at which step of its loops.

Three loops: the outer one over n or m, the inner one over the other, k innermost, so that an output tile stays in the
output buffer until it is done and is stored once. Each step multiplies one tile of each operand. A tile is loaded

- of the outer loop's operand: at each step, or only at the first of the inner loop where the operand is whole in its
  buffer or k isn't cut;
- of the inner loop's operand: at each step, or only in the first pass of the outer loop where the operand is whole.

Loads after the first of the same tile come from the level that holds what is swept, where one does (``holding``), else
from where the operand lies.

Edge tiles are smaller; what rounding leaves over of bytes belongs to the last tile along an axis, so that all sums are
exact. What ports, and lanes in the drain, need is rounded up in each step, so none has more to do with less in all.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from accelsim.hardware import MacArray
from accelsim.program import Gemm
from accelsim.timing.mapping.price import Contention
from accelsim.timing.mapping.revisits import Revisit, tile_visits
from accelsim.timing.mapping.shares import Cut, Place, places
from accelsim.timing.mapping.systolic import Axis, FoldClock, size
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS, Moved, added, shared
from accelsim.timing.memory.sram import SramTraffic
from accelsim.timing.plan import Piece, Segment, sequence, with_first, with_last

AXES: tuple[Axis, ...] = ("m", "k", "n")
Outer = Literal["m", "n"]


@dataclass(frozen=True)
class SharedPort:
    """The one port of a buffer, at which the array's ``array_bytes`` and the tiles on their way in take turns."""

    array_bytes: int
    bytes_per_cycle: int

    def cycles(self, tiles_bytes: int) -> int:
        return -(-(self.array_bytes + tiles_bytes) // self.bytes_per_cycle)


@dataclass(frozen=True)
class Operand:
    """An input of a product: its real bytes, the place where it lies, and what its buffer gives to a tile.

    ``port``: where tiles and array take turns.
    """

    bytes: int
    source: int
    tile_bytes: int
    port: SharedPort | None = None

    @property
    def whole(self) -> bool:
        return self.bytes <= self.tile_bytes

    @property
    def moved_bytes(self) -> int:
        """Bytes that one pass over it fetches."""
        return 0 if self.source == IN_BUFFERS else self.bytes


@dataclass(frozen=True)
class Results:
    """The output of a product: accumulator bytes, what is stored in the end and where, and the drain.

    ``drain_cycles`` are those of the lanes that work on results as they drain.
    """

    bytes: int
    tile_bytes: int
    stores: Moved = (0,)
    drain_cycles: int = 0

    @property
    def stored_bytes(self) -> int:
        """To any place."""
        return sum(self.stores)


@dataclass(frozen=True)
class Product:
    """One product on an array: operands left (m x k) and right (k x n), ``passes`` over the array.

    ``port_cycles`` is what the busiest buffer port needs, operands' tiles aside; ``presets`` (biases) are fetched
    before the first tile, and ``streams`` (operands of what is applied in the drain) with the last step of each output
    tile. ``port_cycles`` are those with one visit to each fold; ``revisit`` is what another one asks for. ``times``:
    how often it runs, one after the other, where all of these are cut alike for the time that they take together.
    """

    gemm: Gemm
    array: MacArray
    left: Operand
    right: Operand
    output: Results
    passes: int = 1
    port_cycles: int = 0
    presets: Moved = (0,)
    streams: Moved = (0,)
    revisit: Revisit = field(default_factory=Revisit)
    contention: Contention = Contention.SERVED_FIRST
    times: int = 1

    @property
    def preset_bytes(self) -> int:
        return sum(self.presets)


@dataclass(frozen=True)
class LoopNest:
    """A product cut into tiles, with ``outer`` as the axis of the outer loop.

    ``held``: the levels that hold what is swept of left and right operand, 0 for none.
    """

    product: Product
    tile: Gemm
    outer: Outer
    held: tuple[int, int] = (0, 0)

    @cached_property
    def cuts(self) -> dict[Axis, Cut[int]]:
        return {axis: Cut(size(self.product.gemm, axis), size(self.tile, axis)) for axis in AXES}

    @property
    def inner(self) -> Outer:
        return "n" if self.outer == "m" else "m"

    @cached_property
    def compute_cycles(self) -> int:
        """Cycles of the array alone with whole streams, over all steps, with the first fill and the last drain."""
        return self._array_cycles([(self._clock.steps, 1)])

    @cached_property
    def revisit_cycles(self) -> int:
        """What the array needs beyond them, as it comes back to its folds."""
        return self._array_cycles(self._streams) - self.compute_cycles

    @cached_property
    def visits(self) -> int:
        """How often the array comes to each fold."""
        product = self.product
        return tile_visits(product.array, product.passes, product.gemm, self.tile, self.outer)

    @cached_property
    def port_cycles(self) -> int:
        """What the busiest buffer port needs, with the tiles that take turns with the array there."""
        product, again = self.product, self.revisit_traffic
        left, right = product.left.port, product.right.port
        cycles = [product.port_cycles, int(product.revisit.port_cycles(np.array(self.visits, float)))]
        if left:
            cycles.append(left.cycles(self.left_read_bytes + sum(product.streams) + again.input.bytes))
        if right:
            cycles.append(right.cycles(self.right_read_bytes + product.preset_bytes + again.weight.bytes))
        return max(cycles)

    @cached_property
    def port_stall_cycles(self) -> int:
        """What that adds to the work, step by step."""
        kinds = itertools.product(*(self.cuts[axis].parts for axis in AXES))
        return sum(
            times_m * times_k * times_n * max(0, self._at_port(m, k, n) - self._work(m, k, n))
            for (m, times_m), (k, times_k), (n, times_n) in kinds
        )

    @property
    def revisit_traffic(self) -> SramTraffic:
        """What the array accesses on chip as it comes back to its folds."""
        return self.product.revisit.traffic.repeated(self.visits - 1)

    @property
    def left_read_bytes(self) -> int:
        """Bytes of the left operand that are fetched, as often as they are."""
        return self._read_bytes(self.product.left, "m")

    @property
    def right_read_bytes(self) -> int:
        return self._read_bytes(self.product.right, "n")

    @property
    def dram_read_bytes(self) -> tuple[int, int]:
        """Bytes of left and right operand that DRAM gives, as often as it does."""
        left, right = self.product.left, self.product.right
        reads = (left, self.held[0], self.left_read_bytes), (right, self.held[1], self.right_read_bytes)
        first, second = (
            0 if operand.source != DRAM else operand.bytes if held else read for operand, held, read in reads
        )
        return first, second

    @cached_property
    def steps(self) -> Segment:
        """All pieces, as loops."""
        passes, clock = self.product.passes, self._clock
        outer, inner = places(self.cuts[self.outer].count), places(self.cuts[self.inner].count)
        steps = sequence((sequence((self._reduction(o, i), i.times) for i in inner), o.times) for o in outer)
        first, last = self._streams[0][0], self._streams[-1][0]
        fill, drain = clock.fill_cycles(first), clock.drain_cycles(last)
        if self.product.preset_bytes or fill:
            steps = with_first(steps, self.product.presets, passes * fill)
        return with_last(steps, passes * drain) if drain else steps

    def _reduction(self, outer: Place, inner: Place) -> Segment:
        """The steps of one output tile: whole tiles of k, then the last, after which it is stored."""
        m_last, n_last = (outer.last, inner.last) if self.outer == "m" else (inner.last, outer.last)
        passes = inner.first, outer.first
        stays = self._outer_stays, self._inner_stays
        if self.outer == "n":
            passes, stays = passes[::-1], stays[::-1]
        operands = self.product.left, self.product.right
        sources = [self._source(*each) for each in zip(operands, self.held, passes, stays, strict=True)]
        parts = [part for part in self.cuts["k"].parts if part[1]]
        return sequence((self._piece(m_last, n_last, k_last, sources), times) for k_last, times in parts)

    def _source(self, operand: Operand, held: int, first: bool, stays: bool) -> int:
        """Where the tiles of a pass come from; ``IN_BUFFERS`` where they are there."""
        if first or operand.source == IN_BUFFERS:
            return operand.source
        return IN_BUFFERS if stays else held or operand.source

    def _piece(self, m_last: bool, n_last: bool, k_last: bool, sources: list[int]) -> Piece:
        m, k, n, product = self.cuts["m"], self.cuts["k"], self.cuts["n"], self.product
        loads = [0] * len(product.presets)
        if sources[0] != IN_BUFFERS:
            loads[sources[0]] += k.share(m.share(product.left.bytes, m_last), k_last)
        if sources[1] != IN_BUFFERS:
            loads[sources[1]] += k.share(n.share(product.right.bytes, n_last), k_last)
        busy = self._busy[m_last, k_last, n_last]
        if not k_last:
            return Piece.of(tuple(loads), busy, (0,) * len(loads))

        def share(total: int) -> int:
            return n.share(m.share(total, m_last), n_last)

        fetched = added((tuple(loads), shared(product.streams, share)))
        busy = max(busy, n.even(m.even(product.output.drain_cycles, m_last), n_last))
        return Piece.of(fetched, busy, shared(product.output.stores, share))

    @cached_property
    def _busy(self) -> dict[tuple[bool, ...], int]:
        """Work by which tiles of m, k and n are the last, of those that occur."""
        kinds = ([last for last, times in self.cuts[axis].parts if times] for axis in AXES)
        return {kind: self._busy_cycles(*kind) for kind in itertools.product(*kinds)}

    def _busy_cycles(self, m_last: bool, k_last: bool, n_last: bool) -> int:
        """Work of a step, or its share of what the busiest port needs where that is more."""
        return max(self._work(m_last, k_last, n_last), self._at_port(m_last, k_last, n_last))

    def _at_port(self, m_last: bool, k_last: bool, n_last: bool) -> int:
        """A step's share of what the busiest port needs, rounded up."""
        share = self.port_cycles
        for axis, last in zip(AXES, (m_last, k_last, n_last), strict=True):
            share = self.cuts[axis].even(share, last)
        return share

    def _work(self, m_last: bool, k_last: bool, n_last: bool) -> int:
        """Cycles of the array in one step, but for the first fill and the last drain."""
        last: dict[Axis, bool] = {"m": m_last, "k": k_last, "n": n_last}
        mapping, cuts = self._clock.mapping, self.cuts
        rows = cuts[mapping.rows].tile_length(last[mapping.rows])
        columns = cuts[mapping.columns].tile_length(last[mapping.columns])
        cut = cuts[mapping.streamed]
        if self.visits > 1:
            stream = self._clock.stream_cycles(rows, columns, cut.tile_length(last[mapping.streamed]))
        else:
            whole = self._clock.stream_cycles(rows, columns, self._clock.steps)
            stream = cut.share(whole, last[mapping.streamed])
        return self.product.passes * stream

    @cached_property
    def _streams(self) -> list[tuple[int, int]]:
        """Steps that stream through a fold in one visit, with how many such visits there are."""
        return self._lengths(self._clock.mapping.streamed) if self.visits > 1 else [(self._clock.steps, 1)]

    def _array_cycles(self, streams: list[tuple[int, int]]) -> int:
        clock, mapping = self._clock, self._clock.mapping
        parts = sum(
            down * across * times * clock.stream_cycles(rows, columns, steps)
            for rows, down in self._lengths(mapping.rows)
            for columns, across in self._lengths(mapping.columns)
            for steps, times in streams
        )
        ends = clock.fill_cycles(streams[0][0]) + clock.drain_cycles(streams[-1][0])
        return self.product.passes * (parts + ends)

    @cached_property
    def _clock(self) -> FoldClock:
        return FoldClock(self.product.gemm, self.product.array)

    @cached_property
    def _outer_stays(self) -> bool:
        operand = self.product.left if self.outer == "m" else self.product.right
        return operand.whole or self.cuts["k"].count == 1

    @cached_property
    def _inner_stays(self) -> bool:
        return (self.product.right if self.outer == "m" else self.product.left).whole

    def _read_bytes(self, operand: Operand, axis: Axis) -> int:
        outer = axis == self.outer
        stays = self._outer_stays if outer else self._inner_stays
        other = self.cuts[self.inner if outer else self.outer].count
        return operand.moved_bytes * (1 if stays else other)

    def _lengths(self, axis: Axis) -> list[tuple[int, int]]:
        """Tile lengths along an axis, with how many there are of each."""
        cut = self.cuts[axis]
        return [(cut.tile, cut.count - 1), (cut.tile_length(last=True), 1)]
