"""The dtype table says where a scale is, and how a value was rounded."""

from __future__ import annotations

import pytest

from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.simulation.tensor_table import PRODUCT_SCALE, tensor_table


@pytest.mark.parametrize(("name", "expected"), [("fp32", "none (floating point)"), ("bf16", PRODUCT_SCALE)])
def test_narrow_accumulators_keep_the_scales_of_their_operands(root, name, expected):
    hw = load_hwconfig(root / "hwconfigs" / "fp8_hybrid.yaml", [f"mac_array.accumulators.forward={name}"])
    recipe = load_workload(root / "workloads" / "digits_cnn.yaml")
    program = recipe.build().trace(hw.recipe(), recipe.optimizer, recipe.batch_size).program
    table = tensor_table(program, lambda index: "dram").set_index("tensor")
    assert table.loc["linear1.product", ["format", "scale"]].tolist() == [name, expected]
    assert table.loc["linear1.weight_product", "scale"] == "none (floating point)"


def test_two_levels_of_scales_and_stochastic_floats(root):
    hw = load_hwconfig(root / "hwconfigs" / "nvfp4.yaml")
    workload = load_workload(root / "workloads" / "digits_cnn.yaml")
    program = workload.build().trace(hw.recipe(), workload.optimizer, workload.batch_size).program
    table = tensor_table(program, lambda index: "dram").set_index("tensor")
    weight, gradient = table.loc["linear1.weight_codes"], table.loc["linear1.gradient_data_path"]
    assert weight["scale"].startswith("E4M3, per block; over all own largest magnitude this step")
    assert (weight["rounding"], gradient["rounding"]) == (
        "nearest even, after every operation",
        "stochastic, 16 random bits",
    )


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        ("nearest", ["nearest", "nearest"]),
        ("nearest_even", ["nearest even"] * 2),
        ("nearest_away", ["nearest, half away from zero"] * 2),
        ("truncate", ["truncated"] * 2),
        ("stochastic", ["stochastic, 16 random bits"] * 2),
        ("stochastic, random_bits: 5, random_source: lfsr", ["stochastic, 5 random bits, lfsr"] * 2),
    ],
)
def test_the_rounding_of_a_rule_is_named(root, rounding, expected):
    rule = f"{{format: int8, rounding: {rounding}}}"
    cluster = f"cluster={{machines: 2, link_bytes_per_s: 1 GB/s, gradient: {rule}}}"
    settings = [cluster, f"numerics.layer_gradient_data_path={rule}"]
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", settings)
    workload = load_workload(root / "workloads" / "digits_cnn.yaml")
    program = workload.build().trace(hw.recipe(), workload.optimizer, workload.batch_size).program
    table = tensor_table(program, lambda index: "dram").set_index("tensor")
    sums = "all_reduce.linear1.weight_gradient"
    assert table.loc[["linear1.gradient_data_path", sums], "rounding"].tolist() == expected
    assert table.loc["linear1.weight_gradient_sent", "rounding"] == expected[0]
