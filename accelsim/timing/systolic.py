"""Closed forms of a systolic array: cycles, SRAM words and mapping efficiency of one matrix product.

The forms are those of SCALE-Sim (Samajdar et al., ISPASS 2020; version 3.0.0), checked against its results
layer by layer. Cycles are counts here; SCALE-Sim reports the index of the last cycle, one less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from accelsim.hardware import Dataflow, MacArray
from accelsim.program import Gemm

Axis = Literal["m", "k", "n"]


@dataclass(frozen=True)
class Mapping:
    """Where a dataflow puts the axes of a product: two lie on the array, the third streams through it.

    ``row_skews`` counts how often a fold crosses the rows: once to fill (output stationary), and once
    more where a stationary operand is loaded first.
    """

    rows: Axis
    columns: Axis
    streamed: Axis
    row_skews: int


MAPPINGS = {
    Dataflow.OUTPUT_STATIONARY: Mapping(rows="m", columns="n", streamed="k", row_skews=1),
    Dataflow.WEIGHT_STATIONARY: Mapping(rows="k", columns="n", streamed="m", row_skews=2),
    Dataflow.INPUT_STATIONARY: Mapping(rows="k", columns="m", streamed="n", row_skews=2),
}


@dataclass(frozen=True)
class ProductCost:
    """One pass of a product over one array.

    ``cycles`` is folds x cycles of one fold: edge folds cost a full array and folds don't overlap.
    Words are operand elements to or from SRAM; ``output_write_words`` counts every partial sum that leaves
    the array. ``mapping_efficiency`` is the share of the array's places that hold work, over all folds.
    """

    folds: int
    cycles: int
    left_read_words: int
    right_read_words: int
    output_write_words: int
    mapping_efficiency: float


def size(gemm: Gemm, axis: Axis) -> int:
    """Length of an axis of a product."""
    return {"m": gemm.m, "k": gemm.k, "n": gemm.n}[axis]


def quantum(array: MacArray, axis: Axis) -> int:
    """Length of an axis that one fold covers: the array's side where it is mapped, 1 where it streams."""
    mapping = MAPPINGS[array.dataflow]
    return {mapping.rows: array.rows, mapping.columns: array.columns, mapping.streamed: 1}[axis]


def product_cost(gemm: Gemm, array: MacArray) -> ProductCost:
    """Closed forms of one pass of ``gemm`` over one array, without memory stalls."""
    mapping = MAPPINGS[array.dataflow]
    folds = _folds(gemm, array, "m") * _folds(gemm, array, "k") * _folds(gemm, array, "n")
    fold_cycles = size(gemm, mapping.streamed) + mapping.row_skews * array.rows + array.columns - 2
    places = size(gemm, mapping.rows) * size(gemm, mapping.columns)
    return ProductCost(
        folds=folds,
        cycles=folds * fold_cycles,
        left_read_words=gemm.m * gemm.k * _folds(gemm, array, "n"),
        right_read_words=gemm.k * gemm.n * _folds(gemm, array, "m"),
        output_write_words=gemm.m * gemm.n * _folds(gemm, array, "k"),
        mapping_efficiency=places / (folds * array.rows * array.columns),
    )


def _folds(gemm: Gemm, array: MacArray, axis: Axis) -> int:
    """Folds along an axis; an operand that lacks a mapped axis is touched once for each of its folds."""
    if axis == MAPPINGS[array.dataflow].streamed:
        return 1
    return -(-size(gemm, axis) // quantum(array, axis))
