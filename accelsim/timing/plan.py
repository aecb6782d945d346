"""What one operation asks of its unit, of the buffers and of DRAM, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.hardware import Buffers
from accelsim.timing.sram import Access, SramTraffic
from accelsim.timing.stream import Stream, split


@dataclass(frozen=True)
class Piece:
    """One step of an operation's pipeline: fetch, work, store.

    ``busy_cycles`` is the work, or the cycles that the slowest buffer port needs where those are more.
    """

    load_bytes: int
    busy_cycles: int
    store_bytes: int


@dataclass(frozen=True)
class OperationPlan:
    """``compute_cycles`` is the work of the unit alone, without any memory stall; ``sram`` includes DRAM fills."""

    compute_cycles: int
    pieces: tuple[Piece, ...]
    sram: SramTraffic

    @property
    def dram_read_bytes(self) -> int:
        return sum(piece.load_bytes for piece in self.pieces)

    @property
    def dram_write_bytes(self) -> int:
        return sum(piece.store_bytes for piece in self.pieces)


def joined(plans: Sequence[OperationPlan]) -> OperationPlan:
    """Plans that run one after the other as one operation."""
    return OperationPlan(
        compute_cycles=sum(plan.compute_cycles for plan in plans),
        pieces=tuple(piece for plan in plans for piece in plan.pieces),
        sram=sum((plan.sram for plan in plans), SramTraffic()),
    )


@dataclass(frozen=True)
class Streams:
    """DRAM streams of one operation: into the input and weight buffers, out of the output buffer."""

    input: Sequence[Stream]
    weight: Sequence[Stream]
    output: Sequence[Stream]

    @property
    def fills(self) -> SramTraffic:
        """What the streams themselves write into and read out of the buffers."""
        return SramTraffic(
            input=Access(write_bytes=sum(stream.bytes for stream in self.input)),
            weight=Access(write_bytes=sum(stream.bytes for stream in self.weight)),
            output=Access(read_bytes=sum(stream.bytes for stream in self.output)),
        )

    @property
    def bytes(self) -> int:
        return sum(stream.bytes for stream in (*self.input, *self.weight, *self.output))


def cut(
    compute_cycles: int, tiles: int, traffic: SramTraffic, streams: Streams, buffers: Buffers, max_pieces: int
) -> OperationPlan:
    """Cut work and streams into at most ``max_pieces`` equal groups of tiles; one where nothing touches DRAM.

    ``traffic`` is what the unit reads and writes, without the streams' fills.
    """
    count = min(tiles, max(1, max_pieces)) if streams.bytes else 1
    loads = _summed([stream.loads(count) for stream in (*streams.input, *streams.weight)], count)
    stores = _summed([stream.stores(count) for stream in streams.output], count)
    busy = map(max, split(compute_cycles, count), split(traffic.port_cycles(buffers), count))
    pieces = tuple(Piece(*piece) for piece in zip(loads, busy, stores, strict=True))
    return OperationPlan(compute_cycles, pieces, traffic + streams.fills)


def _summed(steps: Sequence[Sequence[int]], count: int) -> list[int]:
    return [sum(column) for column in zip(*steps, strict=True)] if steps else [0] * count
