"""How a matrix product is cut into buffer tiles: candidates, and the choice of the fastest.

A tile is a multiple of what one fold covers, along each axis. ``tiling: rule`` tries the halvings of the product,
``search`` also finer parts, and both try both orders of the outer loops (see ``loop_nest``). Candidates are all that
fit: the left operand's tile in ``buffers.input``, the right one's in ``buffers.weight``, accumulators in
``buffers.output``. Of those, the one that takes the fewest cycles alone on the accelerator is taken, to a thousandth of
the product's own work; among those that differ by less, the one of least DRAM traffic, then of fewest steps. A bound
that needs no simulation orders the candidates, and ends the search once no other can be better.

Tiles are cut finer than they must be only as far as a step moves ``SMALLEST_STEP_BYTES``, or to ``FEW_STEPS``. Where
none so coarse fits, up to ``FINER`` times as many steps as the coarsest that does are tried.

More bandwidth or a shorter latency leaves the candidates as they are, and larger buffers add to them, so none of these
makes a product that runs alone slower by more than that thousandth; for buffers that holds where a candidate of
``SMALLEST_STEP_BYTES`` fits.

A tile holds its share of the operand's real bytes: for a convolution that is the tensor, not its expansion
into a matrix, so the halo that neighbouring tiles share is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from accelsim.errors import InternalError, UserError
from accelsim.hardware import Buffer, Buffers
from accelsim.program import Gemm
from accelsim.timing.dram_model import DramModel
from accelsim.timing.loop_nest import AXES, LoopNest, Outer, Product
from accelsim.timing.plan import Segment
from accelsim.timing.systolic import Axis, product_cost, quantum, size

SMALLEST_STEP_BYTES = 32768
"""Mean DRAM bytes of a step below which nothing is cut for the sake of overlap."""
FEW_STEPS = 8
"""Steps into which anything may be cut."""
FINER = 4
"""Where buffers ask for finer steps than that: how many times the fewest steps are tried."""
RESOLUTION = 1000
"""Parts of a product's own work below which cycles don't decide."""
Floats = npt.NDArray[np.float64]


def best_nest(
    name: str, product: Product, buffers: Buffers, dram: DramModel, cycles: Callable[[Segment], int]
) -> LoopNest:
    """The fastest candidate for the operation called ``name``; ``cycles`` times a plan that runs alone.

    Raises:
        UserError: a buffer can't hold the operands of one fold.
    """
    searches = (False, True) if product.array.tiling == "search" else (False,)
    grids = [_Grid.of(product, search=search) for search in searches]
    fitting = [grid.only(grid.fits()) for grid in grids]
    if not fitting[0].steps.size:
        raise _too_small(name, product, buffers)
    candidates = [candidate for grid in fitting for candidate in grid.only(grid.sensible()).candidates(dram)]
    grain = max(1.0, _least_busy_cycles(product) / RESOLUTION)
    candidates.sort(key=lambda candidate: (candidate.bound // grain, *candidate.rest))
    best: tuple[tuple[float, ...], LoopNest] | None = None
    for candidate in candidates:
        if best is not None and (candidate.bound // grain, *candidate.rest) >= best[0]:
            break
        nest = LoopNest(product, Gemm(*candidate.tile), candidate.outer)
        rank = (cycles(nest.steps) // grain, *candidate.rest)
        if best is None or rank < best[0]:
            best = rank, nest
    if best is None:
        raise InternalError("no candidate")
    return best[1]


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


class _Candidate(NamedTuple):
    """``bound``: the least cycles that it could take; ``rest``: traffic in bytes and steps; ``tile``: m, k and n."""

    bound: float
    rest: tuple[float, float]
    tile: list[int]
    outer: Outer


@dataclass(frozen=True)
class _Grid:
    """Candidate tiles as arrays, one entry a tile."""

    product: Product
    tile: dict[Axis, Floats]

    @classmethod
    def of(cls, product: Product, *, search: bool) -> _Grid:
        axes = np.meshgrid(*(np.array(lengths(product, axis, search=search), float) for axis in AXES), indexing="ij")
        return cls(product, {axis: values.ravel() for axis, values in zip(AXES, axes, strict=True)})

    def only(self, wanted: npt.NDArray[np.bool_]) -> _Grid:
        return _Grid(self.product, {axis: values[wanted] for axis, values in self.tile.items()})

    def share(self, first: Axis, second: Axis) -> Floats:
        """Part of an operand that a tile holds."""
        gemm = self.product.gemm
        return self.tile[first] * self.tile[second] / (size(gemm, first) * size(gemm, second))

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

    def sensible(self) -> npt.NDArray[np.bool_]:
        product = self.product
        moved = product.left.moved_bytes + product.right.moved_bytes + product.output.stored_bytes
        coarse = (self.steps <= FEW_STEPS) | (moved >= SMALLEST_STEP_BYTES * self.steps)
        return np.asarray(coarse if coarse.any() else self.steps <= FINER * self.steps.min())

    def candidates(self, dram: DramModel) -> Iterator[_Candidate]:
        """Every tile in both loop orders."""
        tiles = np.stack([self.tile[axis] for axis in AXES], axis=1).astype(int).tolist()
        steps, orders = self.steps.tolist(), get_args(Outer)
        for outer in orders:
            traffic = self._read_bytes(outer) + self.product.output.stored_bytes
            bounds = self._bound(outer, traffic, dram)
            for tile, bound, moved, count in zip(tiles, bounds.tolist(), traffic.tolist(), steps, strict=True):
                yield _Candidate(bound, (moved, count), tile, outer)

    def _read_bytes(self, outer: Outer) -> Floats:
        left, right = self.product.left, self.product.right
        uncut = self.count("k") == 1
        if outer == "n":
            left_sweeps = np.where(left.whole, 1, self.count("n"))
            right_sweeps = np.where(uncut | right.whole, 1, self.count("m"))
        else:
            left_sweeps = np.where(uncut | left.whole, 1, self.count("n"))
            right_sweeps = np.where(right.whole, 1, self.count("m"))
        return np.asarray(left.moved_bytes * left_sweeps + right.moved_bytes * right_sweeps + self.product.preset_bytes)

    def _bound(self, outer: Outer, traffic: Floats, dram: DramModel) -> Floats:
        """All traffic, or the first load, all work and the last store."""
        product = self.product
        first = product.left.moved_bytes * self.share("m", "k") + product.right.moved_bytes * self.share("k", "n")
        first += product.preset_bytes
        edge = [
            (size(product.gemm, a) - (self.count(a) - 1) * self.tile[a]) / size(product.gemm, a) for a in ("m", "n")
        ]
        last = product.output.stored_bytes * edge[0] * edge[1]
        latencies = dram.latency_cycles * (int(bool(first.any())) + int(bool(product.output.stored_bytes)))
        ends = (first + last) / dram.bytes_per_cycle
        bus = traffic / dram.bytes_per_cycle + self._turnaround_cycles(outer, dram)
        return np.asarray(latencies + np.maximum(bus, _least_busy_cycles(product) + ends) - 1e-6)

    def _turnaround_cycles(self, outer: Outer, dram: DramModel) -> Floats:
        """The channel turns round twice for each output tile but the last few, if it loads and stores something."""
        product = self.product
        if not product.output.stored_bytes:
            return np.zeros_like(self.steps)
        left, right = product.left, product.right
        outer_operand, inner_operand = (right, left) if outer == "n" else (left, right)
        reloaded = np.where((self.count("k") == 1) | outer_operand.whole, 0, outer_operand.moved_bytes)
        always = (reloaded > 0) | bool(inner_operand.moved_bytes and not inner_operand.whole)
        sometimes = self.count(outer) if outer_operand.moved_bytes else 0
        tiles = np.where(always, self.count("m") * self.count("n"), sometimes)
        return np.asarray(np.maximum(tiles - 4, 0) * (dram.to_read_cycles + dram.to_write_cycles))


def _least_busy_cycles(product: Product) -> float:
    array = product.array
    compute = product_cost(product.gemm, array.model_copy(update={"split_products": False})).cycles * product.passes
    return max(compute / (array.count if array.split_products else 1), product.port_cycles)


def _too_small(name: str, product: Product, buffers: Buffers) -> UserError:
    """Which buffer can't hold the smallest tile."""
    tile = {axis: min(size(product.gemm, axis), quantum(product.array, axis)) for axis in AXES}
    sides: list[tuple[str, int, tuple[Axis, Axis], Buffer]] = [
        ("input", product.left.bytes, ("m", "k"), buffers.input),
        ("weight", product.right.bytes, ("k", "n"), buffers.weight),
        ("output", product.output.bytes, ("m", "n"), buffers.output),
    ]
    needs = []
    for buffer_name, whole_bytes, (first, second), buffer in sides:
        places = size(product.gemm, first) * size(product.gemm, second)
        tile_bytes = -(-whole_bytes * tile[first] * tile[second] // places)
        needs.append((tile_bytes / max(buffer.tile_bytes, 0.5), buffer_name, tile_bytes, buffer))
    _, worst, tile_bytes, buffer = max(needs, key=lambda need: need[0])
    return UserError(
        f"{name} does not fit: buffers.{worst}.capacity_bytes is {buffer.capacity_bytes}, "
        f"and one fold of the {product.array.rows} x {product.array.columns} array needs "
        f"{buffer.capacity_for(tile_bytes)} bytes (a tile gets {buffer.tile_rule})"
    )
