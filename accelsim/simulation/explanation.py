"""``explain``: the format, scale, rounding and place of every tensor of a training step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Workload
from accelsim.simulation import stages
from accelsim.simulation.inputs import read_inputs
from accelsim.simulation.tensor_table import tensor_table
from accelsim.timing import place_tensors


def explain(
    hwconfig: HardwareConfig | Path | str, workload: Workload | Topology | Path | str, settings: Sequence[str] = ()
) -> pd.DataFrame:
    """One row per tensor that goes into computing and updating the workload's layers.

    Raises:
        UserError: a file is wrong.
    """
    inputs = read_inputs(hwconfig, workload, settings=settings)
    program = stages.trace(inputs).program
    return tensor_table(program, place_tensors(program, inputs.hw).where)
