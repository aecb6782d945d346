"""``explain``: the format, scale, rounding and place of every tensor of a training step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Workload
from accelsim.progress import Observer
from accelsim.simulation import stages
from accelsim.simulation.blame import blaming
from accelsim.simulation.idle import unset_machine
from accelsim.simulation.inputs import read_inputs
from accelsim.simulation.settings import sorted_settings
from accelsim.simulation.tensor_table import tensor_table
from accelsim.timing import place_tensors


def explain(
    hwconfig: HardwareConfig | Path | str, workload: Workload | Topology | Path | str, settings: Sequence[str] = ()
) -> pd.DataFrame:
    """One row per tensor that goes into computing and updating the workload's layers.

    Where it lives is what a run of the two says: the step is timed for it, where anything may stay on chip.

    Raises:
        UserError: a file is wrong, or a buffer is too small.
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
    return tensor_table(traced.program, inputs.recipe, residency.where)
