"""Plan of an operation of the vector, norm, quantise or update unit, or of the links of a cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from accelsim.errors import InternalError, MisfitError, UserError
from accelsim.hardware import Buffer, HardwareConfig, LaneUnit
from accelsim.program import Operation, Program, TensorSpec, Unit
from accelsim.timing.mapping.exchange import exchange_cost
from accelsim.timing.mapping.moves import moves_of
from accelsim.timing.mapping.price import Contention, taken_cycles
from accelsim.timing.mapping.shares import Cut
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.memory.levels import DRAM, Moved, level_accesses, shared
from accelsim.timing.memory.sram import Access, SramTraffic
from accelsim.timing.memory.transfers import Move, Transfers
from accelsim.timing.placement.drain import Drain, drain_of
from accelsim.timing.placement.residency import Residency
from accelsim.timing.plan import OperationPlan, Piece, Segment, sequence

USUAL_PIECES = 16
"""Of an operation, more or less."""


def lane_unit(unit: Unit, hw: HardwareConfig) -> LaneUnit:
    """The hwconfig's lanes behind ``unit``.

    Raises:
        UserError: the hwconfig has no such unit.
    """
    units: dict[Unit, LaneUnit | None] = {
        Unit.VECTOR: hw.vector_unit,
        Unit.NORM: hw.norm_unit,
        Unit.QUANTISE: hw.quantise_unit,
        Unit.UPDATE: hw.update_unit,
    }
    found = units[unit]
    if found is None:
        raise UserError(f"the program has work for a {unit} unit, but hwconfig {hw.name} has no {unit}_unit")
    return found


def drain_on(program: Program, operation: Operation, residency: Residency, hw: HardwareConfig) -> Drain:
    """What is applied as the results of an operation drain, on the lanes of ``hw``.

    Raises:
        UserError: the hwconfig has no such unit.
    """
    return drain_of(program, operation, residency, lambda unit: lane_unit(unit, hw).lanes)


@dataclass(frozen=True)
class Streams:
    """What a lane operation moves and does in all; the finest tile is one of ``elements``, of which ``most`` fit."""

    elements: int
    most: int
    loads: Moved
    stores: Moved
    compute_cycles: int
    port_cycles: int
    conversion_cycles: int
    traffic: SramTraffic
    contention: Contention

    @property
    def moved_bytes(self) -> int:
        """From and to any place."""
        return sum(self.loads) + sum(self.stores)

    def tiled(self, tile: int) -> Segment:
        """All pieces, in tiles of so many elements; edges come last."""
        return sequence(self._pieces(Cut(self.elements, tile)))

    def _pieces(self, cut: Cut[int]) -> list[tuple[Piece, int]]:
        """Each with how often it occurs.

        Of what rounding leaves over each tile takes one, from the first on: so no tile has more to do than with more
        in all, and more hardware spares each some.
        """
        totals = (*self.loads, *self.stores, max(self.compute_cycles, self.port_cycles), self.conversion_cycles)
        turns = sorted({0, cut.count - 1, *map(cut.left_over, totals)})
        pieces = [(self._piece(partial(cut.spread, tile=first)), after - first) for first, after in pairwise(turns)]
        return [*pieces, (self._piece(partial(cut.spread, tile=cut.count - 1)), 1)]

    def _piece(self, share: Callable[[int], int]) -> Piece:
        """The part of all that ``share`` says."""
        busy = max(share(max(self.compute_cycles, self.port_cycles)), share(self.conversion_cycles))
        return Piece.of(shared(self.loads, share), busy, shared(self.stores, share))

    def bound(self, tile: int, transfers: Transfers, latency_cycles: int) -> int:
        """Cycles that tiles of this size can't beat: all transfers, or the first load, all work and the last store."""
        pieces = [(piece, times) for piece, times in self._pieces(Cut(self.elements, tile)) if times]
        loads = [transfers.move(piece.loads, False) for piece, _ in pieces]
        stores = [transfers.move(piece.stores, True) for piece, _ in pieces]
        moves = list(zip(loads, stores, (times for _, times in pieces), strict=True))
        moving = sum(times * (load.cycles + store.cycles) for load, store, times in moves)
        if all(load.stream_cycles and store.stream_cycles for load, store, _ in moves[:-1]):
            turns = max(0, sum(times for *_, times in moves) - 4)
            moving += turns * (_beyond_lags(loads[0], stores) + _beyond_lags(stores[0], loads))
        work = max(self.compute_cycles, self.port_cycles) + loads[0].cycles + stores[-1].cycles
        return max(work, moving) + latency_cycles * ((loads[0].stream_cycles > 0) + (stores[-1].stream_cycles > 0))


def _beyond_lags(turned_for: Move, before: Sequence[Move]) -> int:
    """Cycles by which the channel turns round longer than the transfers before it lag: it turns meanwhile."""
    return max(0, turned_for.turnaround_cycles - max(move.lag_cycles for move in before))


def lane_streams(
    program: Program, operation: Operation, hw: HardwareConfig, residency: Residency, drain: Drain
) -> Streams:
    """Every input goes once through the input buffer and every output through the output buffer.

    Cycles are ceil(lane steps / lanes), those of the same unit in the drain included, or what links take.

    Raises:
        UserError: the hwconfig has no such unit.
        MisfitError: a buffer can't hold one element.
    """
    moves, outputs = moves_of(program, operation, drain), program.outputs_of(operation)
    inputs = moves.fetched_once
    read, written = (sum(tensor.bytes for tensor in tensors) for tensors in (inputs, outputs))
    elements = max((tensor.elements for tensor in (*inputs, *outputs)), default=1) or 1
    traffic = SramTraffic(input=Access(read_bytes=read), output=Access(write_bytes=written))
    loads, stores = residency.moved(inputs), residency.moved(moves.stored)
    tiles = drain.traffic + SramTraffic(Access(write_bytes=sum(loads)), output=Access(read_bytes=sum(stores)))
    levels = SramTraffic(levels=level_accesses(loads, stores))
    return Streams(
        elements=elements,
        most=min(
            _most(operation, inputs, elements, "input", hw.buffers.input),
            _most(operation, outputs, elements, "output", hw.buffers.output),
        ),
        loads=loads,
        stores=stores,
        compute_cycles=_unit_cycles(program, operation, hw, drain.own_steps),
        port_cycles=traffic.port_cycles(hw.buffers, tiles),
        conversion_cycles=drain.cycles,
        traffic=traffic + tiles + levels,
        contention=Contention.of(operation, hw),
    )


def _unit_cycles(program: Program, operation: Operation, hw: HardwareConfig, more_steps: int) -> int:
    if operation.unit is Unit.LINK:
        return exchange_cost(program, operation, hw).cycles
    steps = (operation.work.elements if operation.work else 0) + more_steps
    return -(-steps // lane_unit(operation.unit, hw).lanes)


def lane_plan(
    streams: Streams, transfers: Transfers, dram: DramModel, cycles: Callable[[Segment], int]
) -> OperationPlan:
    """The plan with the tiles of least price; ``cycles`` times a plan that runs alone.

    Tiles halve the operation, or a third of it, on and on. A tile that takes more from others than the whole price of
    another one is not looked at.
    """
    best: tuple[float, Segment] | None = None
    moved_bytes = streams.loads[DRAM] + streams.stores[DRAM]
    taken = {
        tile: taken_cycles(dram, moved_bytes, Cut(streams.elements, tile).count, streams.contention)
        for tile in _tiles(streams)
    }
    usual = min(taken, key=lambda tile: (abs(Cut(streams.elements, tile).count - USUAL_PIECES), tile))
    limit = cycles(streams.tiled(usual)) + taken[usual]
    least = max(streams.compute_cycles, streams.port_cycles)
    near = [tile for tile in taken if least + taken[tile] <= limit]
    bounds = [(streams.bound(tile, transfers, dram.latency_cycles) + taken[tile], tile) for tile in near]
    for bound, tile in sorted(bounds, key=lambda each: (each[0], -each[1])):
        if best is not None and bound >= best[0]:
            break
        steps = streams.tiled(tile)
        price = cycles(steps) + taken[tile]
        if best is None or price < best[0]:
            best = price, steps
    if best is None:
        raise InternalError("no tile")
    port_stall = max(0, streams.port_cycles - streams.compute_cycles)
    return OperationPlan(streams.compute_cycles, best[1], streams.traffic, port_stall)


def _tiles(streams: Streams) -> list[int]:
    """Tile lengths to try, from the largest that fits."""
    fitting = [tile for tile in _parts(streams.elements) if tile <= streams.most]
    return fitting if streams.moved_bytes else fitting[:1]


def _parts(elements: int) -> Iterator[int]:
    parts = 1
    while True:
        tile = -(-elements // parts)
        yield tile
        if tile > 2:
            yield -(-2 * elements // (3 * parts))
        if tile == 1:
            return
        parts *= 2


def _most(operation: Operation, tensors: Sequence[TensorSpec], elements: int, name: str, buffer: Buffer) -> int:
    """Elements whose part of all ``tensors`` fits in a tile of the buffer."""
    element_bytes = max((tensor.format.bytes_for(1) for tensor in tensors), default=0)
    if element_bytes > buffer.tile_bytes:
        needs_bytes = buffer.capacity_for(element_bytes)
        raise MisfitError(operation.name, name, buffer.capacity_bytes, "one element", needs_bytes, buffer.tile_rule)
    whole = sum(tensor.bytes for tensor in tensors)
    return elements if whole <= buffer.tile_bytes else max(1, math.floor(buffer.tile_bytes * elements / whole))
