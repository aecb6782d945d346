"""The three-stage pipeline of one operation: fetch, work, store, as SimPy processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import simpy

from accelsim.hardware import Buffers
from accelsim.timing.dram import DramChannel, Steps
from accelsim.timing.plan import Piece


class Pipeline:
    """Runs an operation's pieces. A double-buffered side works one piece ahead of (or behind) the unit.

    Fetching piece i waits until piece i-2 is worked off (i-1 without double buffering of the operand
    buffers), working on it until piece i-2 (i-1 without double buffering of the output buffer) is stored.
    """

    def __init__(
        self, environment: simpy.Environment, dram: DramChannel, buffers: Buffers, pieces: Sequence[Piece]
    ) -> None:
        self._environment = environment
        self._dram = dram
        self._pieces = pieces
        self._fetch_depth = 1 + (buffers.input.double_buffered and buffers.weight.double_buffered)
        self._store_depth = 1 + buffers.output.double_buffered

    def run(self) -> Steps:
        """Process body; it returns when the last piece is stored."""
        if not any(piece.load_bytes or piece.store_bytes for piece in self._pieces):
            yield self._environment.timeout(sum(piece.busy_cycles for piece in self._pieces))
            return
        loaded, worked, stored = self._events(), self._events(), self._events()
        self._environment.process(self._load(loaded, worked))
        self._environment.process(self._work(loaded, worked, stored))
        yield from self._store(worked, stored)

    def _load(self, loaded: list[simpy.Event], worked: list[simpy.Event]) -> Steps:
        sizes = [piece.load_bytes for piece in self._pieces]
        first = _first(sizes)
        for i, size in enumerate(sizes):
            if i >= self._fetch_depth:
                yield worked[i - self._fetch_depth]
            if size:
                yield from self._dram.transfer(size, first=i == first)
            loaded[i].succeed()

    def _work(self, loaded: list[simpy.Event], worked: list[simpy.Event], stored: list[simpy.Event]) -> Steps:
        for i, piece in enumerate(self._pieces):
            yield loaded[i]
            if i >= self._store_depth:
                yield stored[i - self._store_depth]
            yield self._environment.timeout(piece.busy_cycles)
            worked[i].succeed()

    def _store(self, worked: list[simpy.Event], stored: list[simpy.Event]) -> Steps:
        sizes = [piece.store_bytes for piece in self._pieces]
        first = _first(sizes)
        for i, size in enumerate(sizes):
            yield worked[i]
            if size:
                yield from self._dram.transfer(size, first=i == first)
            stored[i].succeed()

    def _events(self) -> list[simpy.Event]:
        return [self._environment.event() for _ in self._pieces]


def _first(sizes: Iterable[int]) -> int:
    return next((i for i, size in enumerate(sizes) if size), 0)
