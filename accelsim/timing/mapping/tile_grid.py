"""Candidate tiles of a product as arrays, one entry a tile, and the fewest cycles that each could take."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from accelsim.hardware import Buffers, Level
from accelsim.timing.mapping.candidates import Candidates
from accelsim.timing.mapping.holding import Floats, Numbers, Sweep, held_levels
from accelsim.timing.mapping.loop_nest import AXES, Outer, Product
from accelsim.timing.mapping.revisits import visits
from accelsim.timing.mapping.shares import Cut
from accelsim.timing.mapping.systolic import Axis, FoldClock, quantum, size
from accelsim.timing.mapping.tile_work import TileWork
from accelsim.timing.memory.dram_model import DramModel, whole_cycles
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS, added

OPERAND_AXES: tuple[tuple[Axis, Axis], ...] = (("m", "k"), ("n", "k"))
"""Of left and right operand, in the order in which a tile's share is cut from it."""


@dataclass(frozen=True)
class TileGrid:
    """Tiles of ``product`` on a machine with ``levels``, by axis."""

    product: Product
    levels: Sequence[Level]
    tile: dict[Axis, Floats]

    @classmethod
    def of(cls, product: Product, levels: Sequence[Level], *, search: bool) -> TileGrid:
        axes = np.meshgrid(*(np.array(lengths(product, axis, search=search), float) for axis in AXES), indexing="ij")
        return cls(product, levels, {axis: values.ravel() for axis, values in zip(AXES, axes, strict=True)})

    def only(self, wanted: npt.NDArray[np.bool_] | Numbers) -> TileGrid:
        return TileGrid(self.product, self.levels, {axis: values[wanted] for axis, values in self.tile.items()})

    def among(self, other: TileGrid) -> npt.NDArray[np.bool_]:
        """Which of the tiles ``other``, a whole grid, has too."""
        return np.asarray(np.all([np.isin(self.tile[axis], other.tile[axis]) for axis in AXES], axis=0))

    def share(self, first: Axis, second: Axis) -> Floats:
        """Part of an operand that a tile holds."""
        gemm = self.product.gemm
        return self.tile[first] * self.tile[second] / (size(gemm, first) * size(gemm, second))

    def least(self, size_bytes: int, first: Axis, second: Axis) -> Floats:
        """The same of so many bytes, rounded down along one axis after the other, as the nest does (``Cut.share``)."""
        gemm = self.product.gemm
        panel = size_bytes * self.tile[first] // size(gemm, first)
        return np.asarray(panel * self.tile[second] // size(gemm, second))

    def count(self, axis: Axis) -> Floats:
        return np.asarray(np.ceil(size(self.product.gemm, axis) / self.tile[axis]))

    @property
    def steps(self) -> Floats:
        return self.count("m") * self.count("k") * self.count("n")

    def fits(self) -> npt.NDArray[np.bool_]:
        left, right, output = self.product.left, self.product.right, self.product.output
        slack = 1 + 1e-9
        return np.asarray(
            (left.bytes * self.share("m", "k") <= left.tile_bytes * slack)
            & (right.bytes * self.share("k", "n") <= right.tile_bytes * slack)
            & (output.bytes * self.share("m", "n") <= output.tile_bytes * slack)
        )

    def candidates(self, dram: DramModel) -> Candidates:
        """Every tile in both loop orders; twice where the operands want the same room in a level."""
        return Candidates.joined([order.candidates(dram) for order in self.orders()])

    def orders(self) -> Iterator[Order]:
        for outer in get_args(Outer):
            held = self._held(outer, left_first=True)
            yield Order(self, outer, held)
            if self.levels:
                other = self._held(outer, left_first=False)
                differ = np.asarray((held[0] != other[0]) | (held[1] != other[1]))
                yield Order(self.only(differ), outer, (other[0][differ], other[1][differ]))

    def stays(self, outer: Outer) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Where tiles of left and right operand stay in their buffers from one pass to the next."""
        left, right = (
            np.full(self.steps.shape, whole) for whole in (self.product.left.whole, self.product.right.whole)
        )
        uncut = self.count("k") == 1
        return (left, right | uncut) if outer == "n" else (left | uncut, right)

    def passes(self, outer: Outer) -> tuple[Floats, Floats]:
        """How often each byte of left and right operand that is fetched at all is fetched."""
        left_stays, right_stays = self.stays(outer)
        return np.where(left_stays, 1.0, self.count("n")), np.where(right_stays, 1.0, self.count("m"))

    def _held(self, outer: Outer, *, left_first: bool) -> tuple[Numbers, Numbers]:
        """Levels that hold what is swept of both operands."""
        nowhere = np.zeros(self.steps.shape, np.int64)
        if not self.levels:
            return nowhere, nowhere
        found = {"left": nowhere, "right": nowhere}
        sweeps = dict(zip(found, self._sweeps(outer), strict=True))
        names = [name for name in (found if left_first else reversed(found)) if sweeps[name].source != IN_BUFFERS]
        levels = held_levels([sweeps[name] for name in names], [level.tile_bytes for level in self.levels])
        found.update(zip(names, levels, strict=True))
        return found["left"], found["right"]

    def _sweeps(self, outer: Outer) -> tuple[Sweep, Sweep]:
        left, right = self.product.left, self.product.right
        passes = self.passes(outer)
        panel = self.tile[outer] / size(self.product.gemm, outer)
        left_part, right_part = (1.0, panel) if outer == "n" else (panel, 1.0)
        return (
            Sweep(left.source, passes[0], np.ceil(left.bytes * left_part * np.ones_like(panel))),
            Sweep(right.source, passes[1], np.ceil(right.bytes * right_part * np.ones_like(panel))),
        )


@dataclass(frozen=True)
class Order:
    """The tiles of a grid in one loop order, with the levels that hold what is swept of left and right operand."""

    grid: TileGrid
    outer: Outer
    held: tuple[Numbers, Numbers]

    def only(self, wanted: Numbers) -> Order:
        left, right = self.held
        return Order(self.grid.only(wanted), self.outer, (left[wanted], right[wanted]))

    def candidates(self, dram: DramModel) -> Candidates:
        grid, loads = self.grid, self._loads()
        tiles = np.stack([grid.tile[axis] for axis in AXES], axis=1).astype(np.int64)
        return Candidates(
            bounds=self._bound(loads, dram),
            traffic=loads[DRAM] + grid.product.output.stores[DRAM],
            steps=grid.steps,
            tiles=tiles,
            n_outside=np.full(len(tiles), self.outer == "n"),
            held=np.stack(self.held, axis=1),
        )

    def least_cycles(self, dram: DramModel, buffers: Buffers) -> Floats:
        """A bound that takes longer to find, and is often met: work is exact, and so are first load and stores.

        With one tile's room on the way in, loads and work take turns, and with one on the way out, stores and work.
        """
        product, loads, first = self.grid.product, self._loads(), self._first()
        stores = self._stores()
        latencies = dram.latency_cycles * ((first[DRAM] > 0) + int(product.output.stores[DRAM] > 0))
        storing = np.sum([times * self._transfer_cycles(moved, dram) for moved, times in stores], axis=0)
        on_channel = np.sum([times * dram.least_cycles(moved[DRAM]) for moved, times in stores], axis=0)
        channel = loads[DRAM] / dram.bytes_per_cycle + on_channel + self._turnaround_cycles(dram)
        before, after = (self._transfer_cycles(moved, dram) for moved in (first, stores[-1][0]))
        if not (buffers.input.double_buffered and buffers.weight.double_buffered):
            before = product.times * self._moving_cycles(loads, dram).max(axis=0)
        if not buffers.output.double_buffered:
            after = product.times * storing
        work = before + product.times * self.work().least_cycles + after
        most = latencies + np.maximum(product.times * channel, work)
        return whole_cycles(np.maximum(self._bound(loads, dram), most))

    def work(self) -> TileWork:
        product, grid = self.grid.product, self.grid
        counts: dict[Axis, Floats] = {axis: grid.count(axis) for axis in AXES}
        times = visits(product.array, product.passes, grid.tile, counts, self.outer).astype(np.int64)
        left, right = (passes.astype(np.int64) for passes in grid.passes(self.outer))
        tile: dict[Axis, Numbers] = {axis: lengths.astype(np.int64) for axis, lengths in grid.tile.items()}
        return TileWork(product, tile, times, (left, right))

    def _loads(self) -> Floats:
        """Bytes fetched, by place and tile."""
        product = self.grid.product
        loads = np.zeros((1 + len(self.grid.levels), self.grid.steps.size))
        loads += np.array(added((product.presets, product.streams)), float)[:, None]
        operands = product.left, product.right
        for operand, passes, held in zip(operands, self.grid.passes(self.outer), self.held, strict=True):
            if operand.source != IN_BUFFERS:
                loads[operand.source] += operand.bytes * np.where(held > 0, 1, passes)
                for number in range(1, len(loads)):
                    loads[number] += operand.bytes * np.where(held == number, passes - 1, 0)
        return loads

    def _bound(self, loads: Floats, dram: DramModel) -> Floats:
        """All that DRAM or a level moves, or the first load, all work and the last store."""
        stores = np.array(self.grid.product.output.stores, float)[:, None]
        ends = self._ends()
        # A first load of no bytes, as a tile's share may be less than one, leaves the latency to one beside work.
        latencies = dram.latency_cycles * ((self._first()[DRAM] > 0) + int(bool(stores[DRAM].any())))
        bus = self._moving_cycles(loads + stores, dram)
        bus[DRAM] += self._turnaround_cycles(dram)
        times = self.grid.product.times
        work = times * self._busy_cycles() + self._moving_cycles(ends, dram).max(axis=0)
        return np.asarray(latencies + np.maximum(times * bus.max(axis=0), work) - 1e-6)

    def _busy_cycles(self) -> Floats:
        """Least cycles of the array, or of the busiest port."""
        product, grid = self.grid.product, self.grid
        counts: dict[Axis, Floats] = {axis: grid.count(axis) for axis in AXES}
        times = visits(product.array, product.passes, grid.tile, counts, self.outer)
        least, again = _array_cycles(product), _array_cycles(product, steps=0)
        if product.array.fold_overlap == "serial":
            array = least + (times - 1) * again
        else:
            array = np.maximum(least, np.where(times > 1, times * again, 0))
        return np.maximum(np.maximum(array, product.port_cycles), product.revisit.port_cycles(times))

    def _moving_cycles(self, moved: Floats, dram: DramModel) -> Floats:
        """Cycles that DRAM and each level need for bytes by place."""
        through = np.cumsum(moved, axis=0)
        rows = [moved[DRAM] / dram.bytes_per_cycle]
        for number, level in enumerate(self.grid.levels, 1):
            passing = through[number] + through[number - 1] * level.fills_take_turns
            rows.append(passing / level.bytes_per_cycle)
        return np.stack(rows)

    def _transfer_cycles(self, moved: Floats, dram: DramModel) -> Floats:
        """Cycles of one transfer of bytes by place, which takes as long as the slowest that it passes."""
        rows = whole_cycles(self._moving_cycles(moved, dram))
        rows[DRAM] = dram.least_cycles(moved[DRAM])
        return np.asarray(rows.max(axis=0))

    def _first(self) -> Floats:
        """Bytes of the first load, by place."""
        product, grid = self.grid.product, self.grid
        first = np.zeros((1 + len(grid.levels), grid.steps.size))
        first += np.array(product.presets, float)[:, None]
        for operand, axes in zip((product.left, product.right), OPERAND_AXES, strict=True):
            if operand.source != IN_BUFFERS:
                first[operand.source] += grid.least(operand.bytes, *axes)
        return first

    def _stores(self) -> list[tuple[Floats, Floats]]:
        """Bytes of stores by place, and how many there are of each kind; the last one last."""
        gemm, tile = self.grid.product.gemm, self.grid.tile
        m, n = (Cut(size(gemm, axis), tile[axis].astype(np.int64)) for axis in ("m", "n"))
        stores = np.array(self.grid.product.output.stores)[:, None]
        return [
            (n.share(m.share(stores, m_last), n_last).astype(float), np.asarray(m_times * n_times, float))
            for (m_last, m_times), (n_last, n_times) in itertools.product(m.parts, n.parts)
        ]

    def _ends(self) -> Floats:
        """Bytes of the first load and of the last store, by place."""
        grid, gemm = self.grid, self.grid.product.gemm
        edge = [(size(gemm, a) - (grid.count(a) - 1) * grid.tile[a]) / size(gemm, a) for a in ("m", "n")]
        stores = np.array(grid.product.output.stores, float)[:, None]
        return self._first() + stores * (edge[0] * edge[1])

    def _turnaround_cycles(self, dram: DramModel) -> Floats:
        """The channel turns round twice for each output tile but the last few, if DRAM gives and takes something."""
        grid, product = self.grid, self.grid.product
        stored = grid.least(product.output.stores[DRAM], "m", "n") > 0
        operands = zip((product.left, product.right), OPERAND_AXES, strict=True)
        fetched = [stored & (each.source == DRAM) & (grid.least(each.bytes, *axes) > 0) for each, axes in operands]
        again = [
            from_dram & (held == 0) & ~stays
            for from_dram, held, stays in zip(fetched, self.held, grid.stays(self.outer), strict=True)
        ]
        sometimes = np.where(fetched[1 if self.outer == "n" else 0], grid.count(self.outer), 0)
        tiles = np.where(again[0] | again[1], grid.count("m") * grid.count("n"), sometimes)
        return np.asarray(np.maximum(tiles - 4, 0) * (dram.to_read_cycles + dram.to_write_cycles))


def lengths(product: Product, axis: Axis, *, search: bool) -> list[int]:
    """Tile lengths to try along an axis: its halvings; a search adds three steps between each and the next."""
    whole, step = size(product.gemm, axis), quantum(product.array, axis)
    parts: set[float] = set()
    octave = 1
    while octave < 2 * -(-whole // step):
        parts.add(octave)
        if search:
            parts.update(octave * (1 + quarter / 4) for quarter in range(4))
        octave *= 2
    return sorted({min(whole, math.ceil(whole / part / step) * step) for part in parts}, reverse=True)


def least_busy_cycles(product: Product) -> float:
    """Cycles of the array alone, or of the busiest port, that no tile gets below."""
    return max(_array_cycles(product), product.port_cycles)


def _array_cycles(product: Product, steps: int | None = None) -> float:
    """Least cycles of the array with whole streams, or of all its folds with so many ``steps`` of them."""
    array, gemm = product.array, product.gemm
    clock = FoldClock(gemm, array.model_copy(update={"split_products": False}))
    rows, columns = size(gemm, clock.mapping.rows), size(gemm, clock.mapping.columns)
    cycles = clock.stream_cycles(rows, columns, clock.steps if steps is None else steps)
    if steps is None:
        cycles += clock.fill_cycles(clock.steps) + clock.drain_cycles(clock.steps)
    return product.passes * cycles / (array.count if array.split_products else 1)
