"""Wide operands on narrow multipliers: what the datapath slices is what timing charges."""

from __future__ import annotations

import pytest

from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.timing import passes, simulate


def _step(root, operand):
    """The weight gradient of a convolution (int8 x int16) in a step on multipliers of this operand."""
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", [f"mac_array.operand={operand}"])
    recipe = load_workload(root / "workloads" / "digits_cnn.yaml")
    program = recipe.build().trace(hw.recipe(), recipe.optimizer, recipe.batch_size).program
    operation = next(op for op in program.operations if op.opcode == "conv2d_backward_weights")
    return hw, program, operation, simulate(program, hw).operations[operation.index].compute_cycles


@pytest.mark.parametrize(
    ("operand", "slices"), [("int4", (2, 4)), ("int8", (1, 2)), ("int12", (1, 2)), ("int16", (1, 1))]
)
def test_passes_are_pairs_of_slices(root, operand, slices):
    hw, program, operation, cycles = _step(root, operand)
    assert operation.attributes["slices"] == slices
    assert passes(program, operation, hw.mac_array) == slices[0] * slices[1]
    assert cycles == slices[0] * slices[1] * _step(root, "int16")[3]
