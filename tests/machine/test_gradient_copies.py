"""A layer gradient is quantised once by each rule: roles of the very same rule read one tensor."""

from __future__ import annotations

from dataclasses import replace
from weakref import ref

import pytest

from accelsim.formats import (
    FP32,
    Granularity,
    RandomSource,
    Role,
    Rounding,
    ScaleForm,
    ScalePolicy,
    TensorRule,
    float_recipe,
    format_by_name,
    integer,
)
from accelsim.tracing import Tracer

GRADIENTS = (Role.GRADIENT_DATA, Role.GRADIENT_WEIGHT, Role.GRADIENT_NORM)
STOCHASTIC = TensorRule(integer(8), rounding=Rounding.STOCHASTIC, policy=ScalePolicy.DELAYED)
OTHERS = [
    {"format": integer(16)},
    {"rounding": Rounding.NEAREST},
    {"random_bits": 8},
    {"random_source": RandomSource.LFSR},
    {"policy": ScalePolicy.RUNNING},
    {"granularity": Granularity.PER_CHANNEL},
    {"scale_form": ScaleForm.POWER_OF_TWO},
    {"affine": True},
    {"history": 4},
    {"headroom": 2.0},
]


def _machine(rules: dict[Role, TensorRule]) -> Tracer:
    recipe = float_recipe(FP32)
    return Tracer(replace(recipe, rules={**recipe.rules, **rules}))


def _gradient(machine: Tracer, shape: tuple[int, ...] = (4, 3, 2)):
    return machine.external("g", shape, integer(32), Role.ACCUMULATOR)


@pytest.mark.parametrize("name", ["int8", "int16", "bf16", "fp8_e5m2", "flex16+5"])
@pytest.mark.parametrize("rounding", [Rounding.NEAREST, Rounding.STOCHASTIC])
def test_equal_rules_share_one_tensor(name, rounding):
    machine = _machine(dict.fromkeys(GRADIENTS, TensorRule(format_by_name(name), rounding=rounding)))
    g = _gradient(machine)
    first, *others = (machine.quantise(g, role, axis=axis) for role, axis in zip(GRADIENTS, (-1, 0, -1), strict=True))
    assert all(other is first for other in others)
    assert (first.name, first.role) == ("gradient_data_path", Role.GRADIENT_DATA)
    assert len(machine.program.operations) == 1


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: next(iter(other)))
def test_rules_that_differ_in_any_choice_make_two(other):
    rules = {Role.GRADIENT_DATA: STOCHASTIC, Role.GRADIENT_WEIGHT: replace(STOCHASTIC, **other)}
    machine = _machine(rules)
    g = _gradient(machine)
    data, weight = (machine.quantise(g, role) for role in rules)
    assert (data.name, weight.name) == ("gradient_data_path", "gradient_weight_path")


@pytest.mark.parametrize("name", ["mxfp8_e4m3", "int8_b32", "bfp8_b16", "nvfp4"])
@pytest.mark.parametrize(("axis", "copies"), [(0, 2), (1, 2), (2, 1), (-1, 1)])
def test_blocks_are_shared_along_one_axis_alone(name, axis, copies):
    machine = _machine(dict.fromkeys(GRADIENTS, TensorRule(format_by_name(name))))
    g = _gradient(machine)
    machine.quantise(g, Role.GRADIENT_DATA)
    machine.quantise(g, Role.GRADIENT_WEIGHT, axis=axis)
    assert len(machine.program.operations) == copies


def test_each_gradient_has_a_copy_of_its_own():
    machine = _machine(dict.fromkeys(GRADIENTS, STOCHASTIC))
    first, second = (machine.quantise(_gradient(machine), Role.GRADIENT_DATA) for _ in range(2))
    assert (first.name, second.name) == ("gradient_data_path", "gradient_data_path.2")


def test_a_copy_is_let_go_with_the_gradient():
    machine = _machine(dict.fromkeys(GRADIENTS, STOCHASTIC))
    g = _gradient(machine)
    copy = ref(machine.quantise(g, Role.GRADIENT_DATA))
    assert copy() is machine.quantise(g, Role.GRADIENT_WEIGHT)
    del g
    assert copy() is None
