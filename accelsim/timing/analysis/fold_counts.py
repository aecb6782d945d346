"""How many folds the array works through for an operation."""

from __future__ import annotations

from accelsim.hardware import MacArray
from accelsim.program import Operation, Program
from accelsim.timing.mapping.loop_nest import Outer
from accelsim.timing.mapping.operands import passes
from accelsim.timing.mapping.revisits import tile_visits
from accelsim.timing.mapping.systolic import product_cost
from accelsim.timing.plan import TileChoice
from accelsim.timing.timeline import OperationTiming


def fold_count(program: Program, operation: Operation, timing: OperationTiming, array: MacArray) -> int:
    """Folds of all tiles and passes, each as often as the array comes to it; 0 for other units."""
    times = passes(program, operation, array)
    return sum(times * _folds(choice, array, times) for choice in timing.tiles)


def _folds(choice: TileChoice, array: MacArray, times: int) -> int:
    """Of one pass over all equal products."""
    outer: Outer = "m" if choice.outer == "m" else "n"
    again = tile_visits(array, times, choice.gemm, choice.tile, outer)
    return choice.gemm.count * product_cost(choice.gemm, array).folds * again
