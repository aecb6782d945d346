"""What a training recorded of itself, as tables of a Result, and what they warn of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from accelsim.program import Phase, Program
from accelsim.reports.tables import from_csv
from accelsim.simulation.inputs import Inputs
from accelsim.simulation.narrow_accumulators import narrow_accumulators
from accelsim.simulation.unread import flat_schedule, unread_choices
from accelsim.training import Training
from accelsim.training.datasets import Dataset
from accelsim.training.health import at_chance, lost_quantisers, worded


def recorded_tables(training: Training | None) -> dict[str, pd.DataFrame]:
    """``quantisers`` and ``speed``; nothing where nothing was trained."""
    if training is None:
        return {}
    logs = {"quantisers": training.records.quantisers, "speed": training.records.speed}
    return {name: from_csv(log.text().encode("utf-8")) for name, log in logs.items()}


def left_out(inputs: Inputs, program: Program) -> list[str]:
    """What the numerics ask for and the step has nothing of."""
    size, operations = inputs.recipe.hadamard, program.operations
    products = any(operation.gemms and operation.phase is Phase.WEIGHT_GRADIENT for operation in operations)
    if size is None or not products or any(operation.opcode == "hadamard" for operation in operations):
        return []
    return [
        f"weight_gradient_hadamard mixes nothing: a batch, or a part of one, has fewer than {size} samples or tokens"
    ]


def foreseen(inputs: Inputs, program: Program) -> list[str]:
    """What is wrong with the numerics and the schedule, known before any training."""
    flat = flat_schedule(inputs.workload)
    return [*unread_choices(inputs.hw), *flat, *narrow_accumulators(program, inputs.recipe.overflow)]


def warnings(
    inputs: Inputs,
    rows: Sequence[Mapping[str, Any]],
    recorded: Mapping[str, pd.DataFrame],
    dataset: Dataset | None,
) -> list[str]:
    """Signs that the training has died; see ``training.health``."""
    if dataset is None:
        return []
    steps_per_epoch = len(dataset.train) // inputs.training.batch_size
    dead = at_chance(rows, inputs.training.network.classes)
    return worded([*dead, *lost_quantisers(recorded["quantisers"], steps_per_epoch)])
