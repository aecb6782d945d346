"""Every shipped workload's training step is traced and timed, with two images or texts in a batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim.energy import step_energy
from accelsim.formats import Role
from accelsim.networks import load_workload
from accelsim.program import Phase
from accelsim.timing import simulate

WORKLOADS = sorted(path.stem for path in (Path(__file__).parents[2] / "workloads").glob("*.yaml"))


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_step_is_timed(root, int8_machine, name):
    workload = load_workload(root / "workloads" / f"{name}.yaml")
    assert workload.name == name
    traced = workload.build().trace(int8_machine.recipe(), workload.optimizer, 2)
    program = traced.program
    updated = {i for operation in program.operations if operation.phase is Phase.UPDATE for i in operation.outputs}
    written = {program.tensors[i].name for i in updated}
    assert written >= {name for name, parameter in traced.parameters.items() if parameter.used_as is Role.WEIGHT}
    timeline = simulate(program, int8_machine)
    assert len(timeline.operations) == len(program.operations)
    assert step_energy(program, timeline, int8_machine).total_pj > 0
