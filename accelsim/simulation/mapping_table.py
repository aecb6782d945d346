"""The table of products: how each was cut into tiles and laid on the array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import pandas as pd

from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program
from accelsim.reports.schema import MAPPING
from accelsim.timing import TileChoice, Timeline, product_cost

AXES = ("m", "k", "n")


def mapping_table(program: Program, timeline: Timeline, hw: HardwareConfig) -> pd.DataFrame:
    """One row for all equal products of an operation, in issue order.

    A product is (m x k) by (k x n), ``products`` times; ``tile_m``, ``tile_k`` and ``tile_n`` are those of a whole
    tile, ``tiles`` how many it takes, edges included, and ``outer_axis`` the axis of the outermost loop over them.
    ``folds_per_tile`` and ``mapping_efficiency`` (share of the array's places that hold work) are those of a whole
    tile, in one pass.
    """
    rows = [
        _row(operation, choice, hw)
        for operation in program.operations
        for choice in _kinds(timeline.operations[operation.index].tiles)
    ]
    return pd.DataFrame(rows, columns=MAPPING)


def _kinds(choices: Sequence[TileChoice]) -> list[TileChoice]:
    """Equal products that were cut alike as one: the first and last group of a convolution are planned apart."""
    found: dict[object, TileChoice] = {}
    for choice in choices:
        key = replace(choice.gemm, count=1), choice.tile, choice.outer
        count = choice.gemm.count + (found[key].gemm.count if key in found else 0)
        found[key] = replace(choice, gemm=replace(choice.gemm, count=count))
    return list(found.values())


def _row(operation: Operation, choice: TileChoice, hw: HardwareConfig) -> dict[str, Any]:
    gemm, tile, cost = choice.gemm, choice.tile, product_cost(choice.tile, hw.mac_array)
    return {
        "index": operation.index,
        "layer": operation.layer,
        "phase": str(operation.phase),
        "operation": operation.opcode,
        "products": gemm.count,
        **{axis: getattr(gemm, axis) for axis in AXES},
        **{f"tile_{axis}": getattr(tile, axis) for axis in AXES},
        "tiles": prod(-(-getattr(gemm, axis) // getattr(tile, axis)) for axis in AXES),
        "outer_axis": choice.outer,
        "folds_per_tile": cost.folds,
        "mapping_efficiency": cost.mapping_efficiency,
    }
