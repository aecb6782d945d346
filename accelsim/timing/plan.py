"""What one operation asks of its unit, of the buffers and of DRAM, piece by piece.

A product of a million tiles repeats a few pieces. So the pieces of an operation are held as the loops that they come
from: a Segment repeats a body of pieces and of further segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from accelsim.program import Gemm
from accelsim.timing.memory.levels import Moved, added
from accelsim.timing.memory.sram import SramTraffic


@dataclass(frozen=True)
class Piece:
    """One step of an operation's pipeline: fetch, work, store.

    ``load_bytes`` come from DRAM and ``store_bytes`` go there; ``level_loads`` and ``level_stores`` are the bytes that
    come from and stay in each level. ``busy_cycles`` is the work, or what a buffer port or the drain needs where that
    is more.
    """

    load_bytes: int
    busy_cycles: int
    store_bytes: int
    level_loads: Moved = ()
    level_stores: Moved = ()

    @classmethod
    def of(cls, loads: Moved, busy_cycles: int, stores: Moved) -> Piece:
        """From bytes by place."""
        return cls(loads[0], busy_cycles, stores[0], loads[1:], stores[1:])

    @property
    def loads(self) -> Moved:
        """Bytes by the place that they come from."""
        return self.load_bytes, *self.level_loads

    @property
    def stores(self) -> Moved:
        """Bytes by the place that they go to."""
        return self.store_bytes, *self.level_stores

    @property
    def pieces(self) -> int:
        """One, where a segment has many."""
        return 1


@dataclass(frozen=True)
class Segment:
    """A body of pieces and segments, ``repeats`` times over."""

    body: tuple[Piece | Segment, ...]
    repeats: int = 1

    @cached_property
    def pieces(self) -> int:
        return self.repeats * sum(part.pieces for part in self.body)

    @cached_property
    def load_bytes(self) -> int:
        return self.repeats * sum(part.load_bytes for part in self.body)

    @cached_property
    def busy_cycles(self) -> int:
        return self.repeats * sum(part.busy_cycles for part in self.body)

    @cached_property
    def store_bytes(self) -> int:
        return self.repeats * sum(part.store_bytes for part in self.body)

    @cached_property
    def loads(self) -> Moved:
        """Bytes by the place that they come from."""
        return tuple(self.repeats * part for part in added(part.loads for part in self.body))

    @cached_property
    def stores(self) -> Moved:
        """Bytes by the place that they go to."""
        return tuple(self.repeats * part for part in added(part.stores for part in self.body))

    @property
    def moves(self) -> bool:
        """True where anything comes from or goes to DRAM or a level."""
        return any(self.loads) or any(self.stores)

    def __iter__(self) -> Iterator[Piece]:
        """Every piece, in order: for tests and small operations."""
        for _ in range(self.repeats):
            for part in self.body:
                yield from part if isinstance(part, Segment) else (part,)


def sequence(parts: Iterable[tuple[Piece | Segment, int]], repeats: int = 1) -> Segment:
    """A segment of parts with how often each occurs; equal neighbours become one, and loops of one loop too."""
    merged: list[tuple[Piece | Segment, int]] = []
    for part, times in parts:
        if merged and merged[-1][0] == part:
            merged[-1] = part, merged[-1][1] + times
        elif times:
            merged.append((part, times))
    body: list[Piece | Segment] = []
    for part, times in merged:
        loop = Segment(part.body, part.repeats * times) if isinstance(part, Segment) else Segment((part,), times)
        body += loop.body if loop.repeats == 1 else (loop,)
    if len(body) == 1 and isinstance(body[0], Segment):
        return Segment(body[0].body, body[0].repeats * repeats)
    return Segment(tuple(body), repeats)


def with_first(steps: Segment, loads: Moved, busy_cycles: int) -> Segment:
    """The same pieces, with more to fetch and more to do in the first one."""
    first = steps.body[0]
    if isinstance(first, Segment):
        first = with_first(first, loads, busy_cycles)
    else:
        first = Piece.of(added((first.loads, loads)), first.busy_cycles + busy_cycles, first.stores)
    once = Segment((first, *steps.body[1:]))
    return sequence([(once, 1), (Segment(steps.body), steps.repeats - 1)])


def with_last(steps: Segment, busy_cycles: int) -> Segment:
    """The same pieces, with more to do in the last one."""
    last = steps.body[-1]
    if isinstance(last, Segment):
        last = with_last(last, busy_cycles)
    else:
        last = replace(last, busy_cycles=last.busy_cycles + busy_cycles)
    once = Segment((*steps.body[:-1], last))
    return sequence([(Segment(steps.body), steps.repeats - 1), (once, 1)])


@dataclass(frozen=True)
class TileChoice:
    """How equal products, ``gemm.count`` of them, were cut: the tile, and the axis of the outer loop over output tiles
    (k is innermost).

    ``dram_read_bytes``: of left and right operand, all products together.
    """

    gemm: Gemm
    tile: Gemm
    outer: str
    dram_read_bytes: tuple[int, int] = (0, 0)

    def repeated(self, times: int) -> TileChoice:
        """The same products, ``times`` over."""
        left, right = self.dram_read_bytes
        gemm = replace(self.gemm, count=times * self.gemm.count)
        return replace(self, gemm=gemm, dram_read_bytes=(times * left, times * right))


@dataclass(frozen=True, eq=False)
class OperationPlan:
    """``compute_cycles`` is the work of the unit alone, without any memory stall; ``sram`` includes DRAM fills.

    ``revisit_stall_cycles`` is what the array needs beyond them where tiles cut its streams, ``port_stall_cycles`` what
    the busiest buffer port needs beyond both. ``tiles`` has one entry for each run of equal products. ``apart``: what
    begins only as all before it has ended, where the steps are more than one run.
    """

    compute_cycles: int
    steps: Segment
    sram: SramTraffic
    port_stall_cycles: int = 0
    revisit_stall_cycles: int = 0
    tiles: tuple[TileChoice, ...] = ()
    apart: tuple[Segment, ...] = ()

    @property
    def runs(self) -> tuple[Segment, ...]:
        """Steps that begin one after the other."""
        return self.apart or (self.steps,)

    @property
    def dram_read_bytes(self) -> int:
        return self.steps.load_bytes

    @property
    def dram_write_bytes(self) -> int:
        return self.steps.store_bytes

    @property
    def busy_cycles(self) -> int:
        return self.steps.busy_cycles

    @property
    def conversion_stall_cycles(self) -> int:
        """What lanes in the drain need beyond the unit and the ports."""
        return self.busy_cycles - self.compute_cycles - self.revisit_stall_cycles - self.port_stall_cycles

    @property
    def planned_stalls(self) -> tuple[int, int, int]:
        """Revisits, port and conversion."""
        return self.revisit_stall_cycles, self.port_stall_cycles, self.conversion_stall_cycles

    @property
    def on_chip(self) -> bool:
        """True where nothing moves but in the operand buffers."""
        return not self.steps.moves


NOTHING = OperationPlan(0, Segment(()), SramTraffic())
"""Plan of an operation that takes no time: one that happens in another one's drain."""


def joined(plans: Sequence[tuple[OperationPlan, int]], *, apart: bool = False) -> OperationPlan:
    """Plans, each with how often it runs, that run one after the other as one operation.

    ``apart``: each begins as the one before it has ended, and not as soon as there is room for its first tile.
    """
    if len(plans) == 1 and plans[0][1] == 1:
        return plans[0][0]
    return OperationPlan(
        compute_cycles=sum(times * plan.compute_cycles for plan, times in plans),
        steps=sequence((plan.steps, times) for plan, times in plans),
        sram=sum((plan.sram.repeated(times) for plan, times in plans), SramTraffic()),
        port_stall_cycles=sum(times * plan.port_stall_cycles for plan, times in plans),
        revisit_stall_cycles=sum(times * plan.revisit_stall_cycles for plan, times in plans),
        tiles=tuple(choice.repeated(times) for plan, times in plans for choice in plan.tiles),
        apart=tuple(sequence([(plan.steps, times)]) for plan, times in plans) if apart else (),
    )
