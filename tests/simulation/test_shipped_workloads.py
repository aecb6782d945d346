"""Every shipped workload's training step is traced and timed, with two images or texts in a batch.

Of those that are alike block for block the fast suite times one: the others have more of the same, or another recipe.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from accelsim.energy import step_energy
from accelsim.formats import Role
from accelsim.networks import load_workload
from accelsim.program import Phase
from accelsim.timing import simulate

WORKLOADS = sorted(path.stem for path in (Path(__file__).parents[2] / "workloads").glob("*.yaml"))
LIKE = {
    "cifar10_resnet56": "cifar10_resnet20",
    "cifar10_resnet56_banner": "cifar10_resnet20",
    "cifar10_resnet110": "cifar10_resnet20",
    "fashion_mnist_resnet20": "cifar10_resnet20",
    "fashion_mnist_resnet110": "cifar10_resnet20",
    "imagenet_resnet18_banner": "imagenet_resnet18",
    "imagenet_resnet34": "imagenet_resnet18",
    "imagenet_resnet50_banner": "imagenet_resnet50",
}
"""Workloads by the one that stands for them in the fast suite."""


@pytest.fixture(scope="module")
def traced(root, int8_machine):
    """The traced step of a workload."""

    @cache
    def trace(name):
        workload = load_workload(root / "workloads" / f"{name}.yaml")
        assert workload.name == name
        return workload.build().trace(int8_machine.recipe(), workload.optimizer, 2)

    return trace


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_weight_is_updated(traced, name):
    program = traced(name).program
    updated = {i for operation in program.operations if operation.phase is Phase.UPDATE for i in operation.outputs}
    written = {program.tensors[i].name for i in updated}
    assert written >= {name for name, parameter in traced(name).parameters.items() if parameter.used_as is Role.WEIGHT}


@pytest.mark.parametrize(("name", "other"), LIKE.items())
def test_those_left_to_the_slow_suite_have_no_work_of_another_kind(traced, name, other):
    kinds = [{(op.opcode, op.unit, op.phase) for op in traced(each).program.operations} for each in (name, other)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LIKE)) for name in WORKLOADS])
def test_a_step_is_timed(traced, int8_machine, name):
    program = traced(name).program
    timeline = simulate(program, int8_machine)
    assert len(timeline.operations) == len(program.operations)
    assert step_energy(program, timeline, int8_machine).total_pj > 0
