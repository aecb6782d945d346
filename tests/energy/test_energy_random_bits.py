"""Energy of the random bits of stochastic rounding and dropout."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accelsim.datapath.reference import philox4x32
from accelsim.energy import EnergyModel, step_energy
from accelsim.energy.random_bits import BLOCK_ADDS, BLOCK_MULTIPLIES, CODES, draws_of
from accelsim.formats import Role, Rounding, format_by_name
from accelsim.formats.lfsr import TAPS, Lfsr
from accelsim.hardware import HardwareConfig
from accelsim.networks import load_workload
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit
from accelsim.timing import OperationTiming, SramTraffic

PHILOX_PJ = (20 * 3.1 + 58 * 0.1) / 8
"""Of one element at 45 nm."""
LFSR_BIT_PJ = 3 * 0.1 / 32
IDLE = OperationTiming(0, 0, 0, 0, 0, 0, 0, SramTraffic())


def rounding(hw, role="layer_gradient_data_path", **choices):
    """``hw`` with the rounding of one role changed."""
    raw = hw.model_dump()
    raw["numerics"][role] = {**raw["numerics"][role], **choices}
    return HardwareConfig.model_validate(raw)


def operation(opcode, *outputs, attributes=None, in_place=False):
    """A program of one operation that writes 1000 elements of each (format, role), which it reads where in place."""
    tensors = [TensorSpec(i, f"t{i}", (10, 100), format_by_name(name), role) for i, (name, role) in enumerate(outputs)]
    indices = tuple(range(len(tensors)))
    read = indices if in_place else ()
    return Program(
        tensors, [Operation(0, opcode, Unit.UPDATE, "layer", Phase.UPDATE, read, indices, attributes=attributes or {})]
    )


def energy(program, hw):
    return EnergyModel(program, hw).energy(program.operations[0], IDLE)


def gradient(hw, opcode="requantise"):
    """A conversion to a layer gradient, as a layer on ``hw`` records it."""
    rule = hw.recipe()[Role.GRADIENT_DATA]
    return operation(opcode, ("int8", Role.GRADIENT_DATA), attributes=rule.as_attributes)


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_an_element_takes_an_eighth_of_a_block(load, bits):
    hw = rounding(load("int8_range_bn"), random_bits=bits)
    found = energy(gradient(hw), hw)
    assert found.random_pj == found.lane_pj == found.total_pj == pytest.approx(1000 * PHILOX_PJ)


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_a_shift_register_is_charged_by_the_bit(load, bits):
    hw = rounding(load("int8_range_bn"), random_source="lfsr", random_bits=bits)
    assert energy(gradient(hw), hw).random_pj == pytest.approx(1000 * bits * LFSR_BIT_PJ)


@pytest.mark.parametrize("name", ["nearest", "truncate"])
def test_other_roundings_draw_nothing(load, name):
    hw = rounding(load("int8_range_bn"), rounding=name)
    assert energy(gradient(hw), hw).total_pj == 0


def test_only_conversions_round(load):
    """A copy of codes that were rounded before draws no more of them."""
    hw = load("int8_range_bn")
    assert energy(gradient(hw, "gather"), hw).random_pj == 0


def test_dropout_draws_by_philox_on_every_machine(load):
    for opcode in ("dropout", "dropout_backward"):
        assert energy(operation(opcode, ("bf16", Role.INTERNAL)), load("bf16")).random_pj == pytest.approx(
            1000 * PHILOX_PJ
        )


@pytest.mark.parametrize("opcode", ["sgd", "one_of_its_own"])
@pytest.mark.parametrize(
    ("name", "outputs", "draws"),
    [
        ("bf16", (("bf16", Role.MASTER_WEIGHT), ("bf16", Role.OPTIMIZER_STATE)), 2),
        ("bf16", (("bf16", Role.MASTER_WEIGHT), ("fp32", Role.OPTIMIZER_STATE)), 1),
        ("int8_range_bn", (("int16", Role.MASTER_WEIGHT),), 2),
        ("int8_range_bn", (("int16", Role.MASTER_WEIGHT), ("int16", Role.OPTIMIZER_STATE)), 2),
    ],
)
def test_updates_draw_for_what_they_store(load, opcode, name, outputs, draws):
    """Floats as wide as the arithmetic aren't rounded; integers round the velocity whether it is kept or not."""
    recipe, program = load(name).recipe(), operation(opcode, *outputs, in_place=True)
    stored = (Role.MASTER_WEIGHT, Role.OPTIMIZER_STATE)
    rules = {role: replace(recipe[role], rounding=Rounding.STOCHASTIC) for role in stored}
    found = list(draws_of(program, program.operations[0], replace(recipe, rules={**recipe.rules, **rules})))
    assert [each.elements for each in found] == [1000] * draws


@pytest.mark.parametrize(("rounds_each_sum", "sums"), [(False, 1), (True, 2)])
def test_a_machine_of_three_draws_for_a_third_of_the_sums(load, rounds_each_sum, sums):
    """For each sum of two shares where all are rounded, and by the rule of the layer whose gradient it is."""
    recipe = load("int8_range_bn").recipe()
    assert recipe[Role.WEIGHT_GRADIENT].rounding is Rounding.NEAREST
    for rounding, count in ((Rounding.STOCHASTIC, sums), (Rounding.NEAREST, 0)):
        rule = replace(recipe[Role.WEIGHT_GRADIENT], rounding=rounding, random_bits=9)
        cluster = {"machines": 3, "rounds_each_sum": rounds_each_sum}
        program = operation("all_reduce", ("int8", Role.WEIGHT_GRADIENT), attributes=rule.as_attributes | cluster)
        found = list(draws_of(program, program.operations[0], recipe))
        assert [(each.elements, each.bits) for each in found] == [(334 * count, 9)] * bool(count)


@pytest.mark.parametrize(("name", "format_name"), [("bf16", "bf16"), ("int8_range_bn", "int16")])
def test_updates_that_round_to_nearest_draw_nothing(load, name, format_name):
    """Nor do roles that the recipe has no rule for."""
    stored = (Role.MASTER_WEIGHT, Role.OPTIMIZER_STATE)
    outputs = [(format_name, role) for role in stored]
    recipe, program = load(name).recipe(), operation("adamw", *outputs, in_place=True)
    rules = {role: replace(recipe[role], rounding=Rounding.NEAREST) for role in stored}
    for known in ({**recipe.rules, **rules}, {}):
        assert not list(draws_of(program, program.operations[0], replace(recipe, rules=known)))


def test_a_step_shows_what_its_random_bits_cost(step, root):
    program, timeline, hw = step("int8_range_bn")
    whole = step_energy(program, timeline, hw)
    rounded, workload = rounding(hw, rounding="nearest"), load_workload(root / "workloads" / "digits_cnn.yaml")
    nearest = step_energy(workload.trace(rounded.recipe()).program, timeline, rounded)
    converted = [tensor.elements for tensor in program.tensors if tensor.role is Role.GRADIENT_DATA]
    assert whole.random_pj == pytest.approx(sum(converted) * PHILOX_PJ)
    assert nearest.random_pj == 0
    assert whole.total_pj - nearest.total_pj == pytest.approx(whole.random_pj)
    assert whole.lane_pj - nearest.lane_pj == pytest.approx(whole.random_pj)


def test_the_figures_of_the_hwconfig_come_first(load):
    raw = load("int8_range_bn").model_dump()
    raw["energy"] |= {"multiply_pj": {"int32": 1.0}, "add_pj": {"int32": 0.0}}
    hw = HardwareConfig.model_validate(raw)
    assert energy(gradient(hw), hw).random_pj == 1000 * 20 / 8


class Counted(int):
    """A whole number that counts what is done with it."""

    done: list[str]

    def _new(self, name, value):
        self.done.append(name)
        found = Counted(value)
        found.done = self.done
        return found

    def __mul__(self, other):
        return self._new("multiply", int(self) * int(other))

    def __xor__(self, other):
        return self._new("xor", int(self) ^ int(other))

    def __add__(self, other):
        return self._new("add", int(self) + int(other))

    def __and__(self, other):
        return self._kept(int(self) & int(other))

    def __rshift__(self, other):
        return self._kept(int(self) >> int(other))

    def _kept(self, value):
        found = Counted(value)
        found.done = self.done
        return found

    __rmul__, __rxor__, __radd__ = __mul__, __xor__, __add__


def test_a_block_takes_what_its_definition_says():
    """Counted in the plain-Python generator, whose last round moves on a key that nobody reads."""
    done: list[str] = []
    words = [Counted(value) for value in range(6)]
    for word in words:
        word.done = done
    assert len(philox4x32(words[:4], words[4:])) * 32 == CODES * 16
    assert done.count("multiply") == BLOCK_MULTIPLIES
    assert done.count("xor") + done.count("add") - 2 == BLOCK_ADDS


def test_the_register_has_four_taps():
    assert len(TAPS[32]) == Lfsr(32).feedback.bit_count() == 4
