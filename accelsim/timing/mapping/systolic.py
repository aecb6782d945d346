"""Closed forms of a systolic array: cycles, SRAM words and mapping efficiency of one matrix product.

An array of R rows and C columns streams T steps through a fold that uses r rows and c columns; a multiply-accumulate
takes p cycles (``cycles_per_mac``). Serial folds:

- output stationary: ``p T + (r - 1) + (c - 1)``, the stream and the skew of its operands;
- weight and input stationary: ``r + p T + p (r - 1) + (c - 1)``: the stationary operand, row by row, then the stream,
  and the partial sums on their way down through r multiply-accumulates.

``edge_folds`` full: r = R and c = C in every fold; used: what the fold holds.

Overlapped folds start every ``max(p T, r)`` cycles, as a fold's results (output stationary), or the stationary operand
of the next fold, cross r rows beneath the stream. Only the first fill and the last drain are exposed:

- output stationary: ``sum of max(p T, r) over the folds + min(p T, r') + c' - 2``, r' and c' of the last fold;
- weight and input stationary: ``min(p T, r'') + sum of max(p T, r) + p (r' - 1) + c' - 1``, r'' of the first fold.

With one fold both give the serial count. For p = 1 and full edges the serial forms are those of SCALE-Sim (Samajdar et
al., ISPASS 2020; version 3.0.0), checked against its results layer by layer. Cycles are counts here; SCALE-Sim reports
the index of the last cycle, one less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from accelsim.hardware import Dataflow, MacArray
from accelsim.program import Gemm
from accelsim.timing.mapping.shares import N

Axis = Literal["m", "k", "n"]


@dataclass(frozen=True)
class Mapping:
    """Where a dataflow puts the axes of a product: two lie on the array, the third streams through it.

    ``stationary_operand``: one is loaded before the stream, and partial sums pass through the rows.
    """

    rows: Axis
    columns: Axis
    streamed: Axis
    stationary_operand: bool


MAPPINGS = {
    Dataflow.OUTPUT_STATIONARY: Mapping(rows="m", columns="n", streamed="k", stationary_operand=False),
    Dataflow.WEIGHT_STATIONARY: Mapping(rows="k", columns="n", streamed="m", stationary_operand=True),
    Dataflow.INPUT_STATIONARY: Mapping(rows="k", columns="m", streamed="n", stationary_operand=True),
}


@dataclass(frozen=True)
class ProductCost:
    """One pass of a product.

    Words are operand elements to or from SRAM; ``output_write_words`` counts every partial sum that leaves
    the array. ``mapping_efficiency`` is the share of the array's places that hold work, over all folds.
    """

    folds: int
    cycles: int
    left_read_words: int
    right_read_words: int
    output_write_words: int
    mapping_efficiency: float


@dataclass(frozen=True)
class FoldClock:
    """Cycles of the folds of one product on ``array``, by how many ``steps`` stream through a fold at once.

    ``stream_cycles`` of parts that together cover the product, plus ``fill_cycles`` and ``drain_cycles`` once, are the
    product's cycles; fill and drain are 0 where folds are serial, as each fold then carries its own.
    """

    gemm: Gemm
    array: MacArray

    @property
    def mapping(self) -> Mapping:
        return MAPPINGS[self.array.dataflow]

    @property
    def steps(self) -> int:
        """Of the whole stream."""
        return size(self.gemm, self.mapping.streamed)

    def stream_cycles(self, rows: N, columns: N, steps: N) -> N:
        """Cycles of all folds of a part that is ``rows`` by ``columns`` long on the array, or of each of many parts.

        Folds go to ``count`` arrays where products are split; then the one with the most folds counts.
        """
        if self.array.split_products:
            together = -(-self._folds(rows, columns) // self.array.count)
            one_fold = self._block_cycles(_less(rows, self.array.rows), _less(columns, self.array.columns), steps)
            return _less(together * one_fold, self._block_cycles(rows, columns, steps))
        return self._block_cycles(rows, columns, steps)

    def fill_cycles(self, steps: N) -> N:
        """Before the first fold, where folds overlap."""
        if self._serial or not self.mapping.stationary_operand:
            return 0 * steps
        rows = min(size(self.gemm, self.mapping.rows), self.array.rows)
        return _less(self._busy(steps), self._used(rows, "rows"))

    def drain_cycles(self, steps: N) -> N:
        """After the last fold, where folds overlap."""
        if self._serial:
            return 0 * steps
        rows = self._used(_last(size(self.gemm, self.mapping.rows), self.array.rows), "rows")
        columns = self._used(_last(size(self.gemm, self.mapping.columns), self.array.columns), "columns")
        if self.mapping.stationary_operand:
            return 0 * steps + self.array.cycles_per_mac * (rows - 1) + columns - 1
        return _less(self._busy(steps), rows) + columns - 2

    @property
    def _serial(self) -> bool:
        return self.array.fold_overlap == "serial"

    def _busy(self, steps: N) -> N:
        return self.array.cycles_per_mac * steps

    def _used(self, length: N, side: Literal["rows", "columns"]) -> N:
        """Rows or columns whose time a fold of this length takes."""
        whole: int = getattr(self.array, side)
        return length if self.array.edge_folds == "used" else 0 * length + whole

    def _folds(self, rows: N, columns: N) -> N:
        return -(-rows // self.array.rows) * -(-columns // self.array.columns)

    def _block_cycles(self, rows: N, columns: N, steps: N) -> N:
        """Folds one after the other; sums over their rows and columns, as edges are the only folds that differ."""
        down, across, busy = -(-rows // self.array.rows), -(-columns // self.array.columns), self._busy(steps)
        if not self._serial:
            edge = self._used(_last(rows, self.array.rows), "rows")
            return across * ((down - 1) * _more(busy, self.array.rows) + _more(busy, edge))
        used_rows = rows if self.array.edge_folds == "used" else down * self.array.rows
        used_columns = columns if self.array.edge_folds == "used" else across * self.array.columns
        row_cycles = 1 + self.array.cycles_per_mac if self.mapping.stationary_operand else 1
        constant = -1 - self.array.cycles_per_mac if self.mapping.stationary_operand else -2
        cycles: N = down * across * (busy + constant) + row_cycles * used_rows * across + used_columns * down
        return cycles


def size(gemm: Gemm, axis: Axis) -> int:
    """Length of an axis of a product."""
    return gemm.m if axis == "m" else gemm.k if axis == "k" else gemm.n


def quantum(array: MacArray, axis: Axis) -> int:
    """Length of an axis that one fold covers: the array's side where it is mapped, 1 where it streams."""
    mapping = MAPPINGS[array.dataflow]
    return {mapping.rows: array.rows, mapping.columns: array.columns, mapping.streamed: 1}[axis]


def product_cost(gemm: Gemm, array: MacArray) -> ProductCost:
    """Closed forms of one pass of ``gemm``, without memory stalls."""
    mapping, clock = MAPPINGS[array.dataflow], FoldClock(gemm, array)
    steps = clock.steps
    folds = {axis: _folds(gemm, array, axis) for axis in ("m", "k", "n")}
    rows, columns = size(gemm, mapping.rows), size(gemm, mapping.columns)
    return ProductCost(
        folds=(all_folds := folds["m"] * folds["k"] * folds["n"]),
        cycles=clock.fill_cycles(steps) + clock.stream_cycles(rows, columns, steps) + clock.drain_cycles(steps),
        left_read_words=gemm.m * gemm.k * folds["n"],
        right_read_words=gemm.k * gemm.n * folds["m"],
        output_write_words=gemm.m * gemm.n * folds["k"],
        mapping_efficiency=rows * columns / (all_folds * array.rows * array.columns),
    )


def _folds(gemm: Gemm, array: MacArray, axis: str) -> int:
    """Folds along an axis; an operand that lacks a mapped axis is touched once for each of its folds."""
    mapping = MAPPINGS[array.dataflow]
    if axis == mapping.rows:
        return -(-size(gemm, mapping.rows) // array.rows)
    return -(-size(gemm, mapping.columns) // array.columns) if axis == mapping.columns else 1


def _last(length: N, side: int) -> N:
    """Length of the last of the folds along an axis."""
    return (length - 1) % side + 1


def _less(one: N, other: N | int) -> N:
    return min(one, other) if isinstance(one, int) and isinstance(other, int) else np.minimum(one, other)


def _more(one: N, other: N | int) -> N:
    return max(one, other) if isinstance(one, int) and isinstance(other, int) else np.maximum(one, other)
