"""What a timed step hangs on: critical path, weight-gradient products, roofs, trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from accelsim.hardware import HardwareConfig
from accelsim.reports.trace import chrome_trace
from accelsim.simulation.operation_table import operation_table
from accelsim.timing import Timeline
from accelsim.timing.analysis.critical_path import CriticalPath, critical_path
from accelsim.timing.analysis.weight_products import WeightProducts, weight_products
from accelsim.timing.planned_step import PlannedStep


@dataclass(frozen=True)
class StepAnalysis:
    """The table of operations, the figures of the summary, and the packed trace."""

    operations: pd.DataFrame
    figures: dict[str, Any]
    trace: bytes


def analyse_step(step: PlannedStep, timeline: Timeline, hw: HardwareConfig) -> StepAnalysis:
    """Work out what the Timeline of ``step`` hangs on, with one more simulation; ``hw`` may have more than it uses."""
    program = step.program
    path, products = critical_path(program, timeline), weight_products(step, timeline)
    return StepAnalysis(
        operations=operation_table(program, timeline, hw, path, products),
        figures={**_path_figures(path, timeline), **_product_figures(products)},
        trace=chrome_trace(program, timeline, step.hw, path),
    )


def hanging_figures(step: PlannedStep, timeline: Timeline) -> dict[str, Any]:
    """The figures of ``analyse_step`` without its table and trace, which take longer."""
    path, products = critical_path(step.program, timeline), weight_products(step, timeline)
    return {**_path_figures(path, timeline), **_product_figures(products)}


def _path_figures(path: CriticalPath, timeline: Timeline) -> dict[str, Any]:
    computing = sum(timeline.operations[step.index].compute_cycles for step in path.steps)
    return {"critical_path_compute_share": computing / timeline.total_cycles}


def _product_figures(products: WeightProducts) -> dict[str, Any]:
    """None where the step has no weight-gradient products."""
    known = bool(products.held_cycles)
    return {
        "weight_product_held_cycles": products.held_cycles,
        "weight_product_alone_cycles": products.alone_cycles,
        "weight_product_extension_cycles": products.extension_cycles,
        "weight_product_beside_share": products.beside_share if known else None,
        "weight_product_hidden_share": products.hidden_share if known else None,
    }
