"""``explain``: the format, scale, rounding and place of every tensor of a training step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Workload
from accelsim.program import Program
from accelsim.progress import Observer
from accelsim.reports.dtype_rows import dtype_frame
from accelsim.simulation import stages
from accelsim.simulation.blame import blaming
from accelsim.simulation.idle import unset_machine
from accelsim.simulation.inputs import read_inputs
from accelsim.simulation.settings import sorted_settings
from accelsim.simulation.tensor_table import tensor_table
from accelsim.timing import place_tensors


def explain(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Topology | Path | str,
    settings: Sequence[str] = (),
    layer: str | None = None,
) -> pd.DataFrame:
    """One row per tensor that goes into computing and updating the workload's layers.

    Where it lives is what a run of the two says: the step is timed for it, where anything may stay on chip. With
    ``layer`` the rows are those of that layer and of what it reads of others.

    Raises:
        UserError: a file is wrong, a buffer is too small, or there is no such layer.
    """
    inputs = read_inputs(hwconfig, workload, settings=settings)
    traced = stages.trace(inputs)
    residency = place_tensors(traced.program, inputs.hw)
    if any(residency.room_bytes):
        changes, _ = sorted_settings(settings)
        unset = unset_machine(hwconfig, changes, inputs.hw)
        with blaming(hwconfig, changes):
            _, timeline = stages.timed_step(inputs, traced, Observer(), unset=unset)
        residency = timeline.residency
    table = tensor_table(traced.program, inputs.recipe, residency.where)
    return table if layer is None else _of_layer(table, traced.program, layer)


def _of_layer(table: pd.DataFrame, program: Program, layer: str) -> pd.DataFrame:
    """Its tensors and those within it (``attention.query``), and what their operations read, in the table's order."""
    own = dtype_frame(table, layer)
    within = [operation for operation in program.operations if f"{operation.layer}.".startswith(f"{layer}.")]
    read = {program.tensors[index].plain_name for operation in within for index in operation.inputs}
    return table[table.index.isin(own.index) | table["tensor"].isin(read)]
