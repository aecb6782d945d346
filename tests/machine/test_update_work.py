"""Work of the update: what a learning rate that is a shift, and integers, save and cost."""

from __future__ import annotations

import pytest

from accelsim.formats import Role
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.program import Phase, Unit
from accelsim.simulation.inputs import read_inputs

INTEGERS = ["numerics.master_weight=int16", "numerics.optimizer_state=int24"]
SHIFT = ["update_unit.learning_rate=power_of_two"]
CODES = ["numerics.weight_gradient=int16"]
POWERS = ["numerics.weight_gradient={format: int16, scale_form: power_of_two}"]


@pytest.mark.parametrize(
    ("settings", "weights", "others", "format_"),
    [
        ([], (3, 3), (2, 2), "fp32"),
        (INTEGERS, (3, 5), (2, 4), "int24"),
        (INTEGERS + SHIFT, (2, 5), (1, 4), "int24"),
        (INTEGERS + CODES, (4, 5), (3, 4), "int24"),
        (INTEGERS + SHIFT + POWERS, (2, 5), (1, 4), "int24"),
    ],
)
def test_multiplications_and_additions_of_an_element(root, settings, weights, others, format_):
    """``weights`` decay, ``others`` (gain, offset, bias) don't."""
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", settings)
    recipe = load_workload(root / "workloads" / "digits_cnn.yaml")
    program = recipe.build().trace(hw.recipe(), recipe.optimizer, 4).program
    updates = [operation for operation in program.operations if operation.unit is Unit.UPDATE]
    assert len(updates) == 8
    for update in updates:
        expected = weights if program.tensors[update.inputs[0]].name.endswith("weight") else others
        assert (update.work.multiplies, update.work.adds, str(update.work.format)) == (*expected, format_)


@pytest.mark.parametrize(
    ("optimizer", "weights", "others", "states"),
    [
        ("{kind: sgd, learning_rate: 0.1, weight_decay: 0.1, nesterov: true}", (4, 4), (3, 3), 1),
        ("{kind: adamw, learning_rate: 0.1, weight_decay: 0.1}", (20, 10), (19, 10), 2),
        ("{kind: adamw, learning_rate: 0.1}", (19, 10), (19, 10), 2),
    ],
)
def test_optimizers_of_floating_point_masters(root, optimizer, weights, others, states):
    """AdamW: 7 multiplications (8 with decay) and 4 additions, and a look-up and Newton's steps for the root and the
    division."""
    inputs = read_inputs(
        root / "hwconfigs" / "int8_range_bn.yaml",
        root / "workloads" / "digits_cnn.yaml",
        settings=[f"optimizer={optimizer}"],
    )
    traced = inputs.workload.trace(inputs.recipe)
    program = traced.program
    updates = [operation for operation in program.operations if operation.unit is Unit.UPDATE]
    assert len(updates) == 8
    assert {operation.phase for operation in updates} == {Phase.UPDATE}
    for update in updates:
        name = program.tensors[update.inputs[0]].name
        expected = weights if name.endswith("weight") else others
        assert (update.work.multiplies, update.work.adds, str(update.work.format)) == (*expected, "fp32")
        kept = [program.tensors[index] for index in update.outputs]
        assert [tensor.role for tensor in kept[1:]] == [Role.OPTIMIZER_STATE] * states
        assert {tensor.shape for tensor in kept} == {kept[0].shape}
    held = [name for name, parameter in traced.parameters.items() if parameter.role is Role.OPTIMIZER_STATE]
    assert len(held) == 8 * states
