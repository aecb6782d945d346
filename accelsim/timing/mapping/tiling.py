"""How a matrix product is cut into buffer tiles: candidates, and the choice of the fastest.

A tile is a multiple of what one fold covers, along each axis. ``tiling: rule`` tries the halvings of the product,
``search`` also finer parts, and both try both orders of the outer loops (see ``loop_nest``). Candidates are all that
fit: the left operand's tile in ``buffers.input``, the right one's in ``buffers.weight``, accumulators in
``buffers.output``. Of those, the one of least price is taken, to a thousandth of the product's own work; among those
that differ by less, the one of least DRAM traffic, then of fewest steps. The price (``price.py``) is the cycles that it
takes alone on the accelerator, plus what it takes from others there. With ``tiling_goal: traffic``, DRAM traffic
decides before the price. A bound that needs no simulation orders the candidates, and ends the search once no other can
be better. A tighter one leaves out more of them, but not the order, by which one of several that are as good is taken.

More bandwidth or a shorter latency leaves the candidates as they are, and larger buffers add to them. So none of these
makes the price of the goal ``time`` higher by more than that thousandth, nor, therefore, a product that runs alone
slower by more than that and what it takes from others. Where operations run one after another every cycle decides, and
none makes it slower at all.

A tile holds its share of the operand's real bytes: for a convolution that is the tensor, not its expansion
into a matrix, so the halo that neighbouring tiles share is not counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from accelsim.errors import MisfitError
from accelsim.hardware import Buffer, Buffers
from accelsim.program import Gemm
from accelsim.timing.mapping.candidates import Candidates
from accelsim.timing.mapping.holding import Floats, Numbers
from accelsim.timing.mapping.loop_nest import AXES, LoopNest, Product
from accelsim.timing.mapping.price import Contention, Q, taken_cycles
from accelsim.timing.mapping.systolic import Axis, quantum, size
from accelsim.timing.mapping.tile_grid import Order, TileGrid, least_busy_cycles
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.plan import Segment, sequence

PLAIN = {"edge_folds": "full", "fold_overlap": "serial"}
"""Options of an array that works as the simplest one does."""
RESOLUTION = 1000
"""Parts of a product's own work below which cycles don't decide."""
FEW = 8
"""Candidates that are sooner run than bounded better."""


def best_nest(
    name: str, product: Product, buffers: Buffers, dram: DramModel, cycles: Callable[[Segment], int]
) -> LoopNest:
    """The candidate of least price for the operation called ``name``; ``cycles`` times a plan that runs alone.

    Raises:
        MisfitError: a buffer can't hold the operands of one fold.
    """
    grids = [grid for way in _ways(product) for grid in _grids(way, buffers)]
    if not grids[0].steps.size:
        raise misfits(name, product, buffers)[0]
    return _Search(product, [order for grid in grids for order in grid.orders()], buffers, dram, cycles).best()


class _Search:
    """For the best of the tiles in ``orders``; they are known by number."""

    def __init__(
        self,
        product: Product,
        orders: list[Order],
        buffers: Buffers,
        dram: DramModel,
        cycles: Callable[[Segment], int],
    ) -> None:
        self._product, self._orders, self._buffers, self._dram, self._cycles = product, orders, buffers, dram, cycles
        parts = [order.candidates(dram) for order in orders]
        self._given = Candidates.joined(parts)
        self._firsts = np.cumsum([0, *(part.bounds.size for part in parts)])
        alone = product.contention is Contention.NONE
        self._grain = 1.0 if alone else max(1.0, least_busy_cycles(product) / RESOLUTION)
        self._runs: dict[int, tuple[tuple[float, ...], LoopNest]] = {}

    def best(self) -> LoopNest:
        ranks = self._ranks(self._given.bounds)
        turns = np.lexsort(ranks[::-1])
        best = self._run(turns[0])
        turns = turns[_up_to(ranks[:, turns], best[0])]
        if turns.size > FEW:
            ranks = self._ranks(self._bounded(turns))
            hopeful, _ = self._run(turns[np.lexsort(ranks[::-1, turns])[0]])
            turns = turns[_up_to(ranks[:, turns], hopeful)]
        for number in turns:
            if tuple(ranks[:, number].tolist()) < best[0]:
                best = min(best, self._run(number), key=itemgetter(0))
        return best[1]

    def _rank(self, cycles_alone: Q, traffic: Q, steps: Q) -> tuple[Q, ...]:
        price = cycles_alone + taken_cycles(self._dram, traffic, steps, self._product.contention)
        return traffic * (self._product.array.tiling_goal == "traffic"), price // self._grain, traffic, steps

    def _ranks(self, bounds: Floats) -> Floats:
        """Of all, a column each."""
        return np.stack(self._rank(bounds, self._given.traffic, self._given.steps))

    def _bounded(self, turns: Numbers) -> Floats:
        """The bounds of all, tighter ones of those whose ``turns`` may come."""
        bounds = self._given.bounds.copy()
        for order, (first, after) in zip(self._orders, pairwise(self._firsts), strict=True):
            here = turns[(first <= turns) & (turns < after)]
            if here.size:
                bounds[here] = order.only(here - first).least_cycles(self._dram, self._buffers)
        return bounds

    def _run(self, number: int) -> tuple[tuple[float, ...], LoopNest]:
        """The rank and the nest of one."""
        if number not in self._runs:
            candidate = self._given.one(number)
            order = self._orders[np.searchsorted(self._firsts, number, side="right") - 1]
            nest = LoopNest(order.grid.product, Gemm(*candidate.tile), candidate.outer, candidate.held)
            found = self._cycles(sequence([(nest.steps, self._product.times)]))
            self._runs[number] = self._rank(found, *candidate.rest), nest
        return self._runs[number]


def _up_to(ranks: Floats, most: tuple[float, ...]) -> npt.NDArray[np.bool_]:
    """Which of many ranks, a column each, aren't above ``most``."""
    found = np.ones(ranks.shape[1], bool)
    for row, figure in zip(reversed(ranks), reversed(most), strict=True):
        found = (row < figure) | ((row == figure) & found)
    return found


def _grids(product: Product, buffers: Buffers) -> list[TileGrid]:
    """All tiles that fit: those of the rule, then what a search has beyond them."""
    grids = [TileGrid.of(product, buffers.levels, search=False)]
    if product.array.tiling == "search":
        finer = TileGrid.of(product, buffers.levels, search=True)
        grids.append(finer.only(~finer.among(grids[0])))
    return [grid.only(grid.fits()) for grid in grids]


def _ways(product: Product) -> list[Product]:
    """Ways in which the array can work on it: where every cycle counts, without what it need not do, too."""
    if product.contention is not Contention.NONE:
        return [product]
    options = (dict.fromkeys((getattr(product.array, name), plain)) for name, plain in PLAIN.items())
    arrays = (dict(zip(PLAIN, chosen, strict=True)) for chosen in itertools.product(*options))
    return [replace(product, array=product.array.model_copy(update=array)) for array in arrays]


def misfits(name: str, product: Product, buffers: Buffers) -> list[MisfitError]:
    """Each buffer that can't hold the smallest tile of the operation called ``name``; none where one fits all."""
    if TileGrid.of(product, buffers.levels, search=False).fits().any():
        return []
    tile = {axis: min(size(product.gemm, axis), quantum(product.array, axis)) for axis in AXES}
    sides: list[tuple[str, int, tuple[Axis, Axis], Buffer]] = [
        ("input", product.left.bytes, ("m", "k"), buffers.input),
        ("weight", product.right.bytes, ("k", "n"), buffers.weight),
        ("output", product.output.bytes, ("m", "n"), buffers.output),
    ]
    fold = f"one fold of the {product.array.rows} x {product.array.columns} array"
    needs = []
    for side, whole_bytes, (first, second), buffer in sides:
        places = size(product.gemm, first) * size(product.gemm, second)
        tile_bytes = -(-whole_bytes * tile[first] * tile[second] // places)
        capacity = buffer.capacity_for(tile_bytes)
        misfit = MisfitError(name, side, buffer.capacity_bytes, fold, capacity, buffer.tile_rule)
        needs.append((tile_bytes / max(buffer.tile_bytes, 0.5), misfit))
    worst = max(ratio for ratio, _ in needs)
    return [misfit for ratio, misfit in needs if ratio > 1 or ratio == worst]
