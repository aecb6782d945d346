"""Work of the update: what a learning rate that is a shift, and integers, save and cost."""

from __future__ import annotations

import pytest

from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.program import Unit

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
