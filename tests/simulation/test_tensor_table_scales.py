"""The dtype table says where a scale is, and how a value was rounded."""

from __future__ import annotations

import pytest

from accelsim.formats import Rounding
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.simulation.tensor_table import PRODUCT_SCALE, ROUNDINGS, tensor_table


def table_of(root, hw):
    """Of a step of the digits CNN, by tensor."""
    workload = load_workload(root / "workloads" / "digits_cnn.yaml")
    program = workload.build().trace(hw.recipe(), workload.optimizer, workload.batch_size).program
    return tensor_table(program, hw.recipe(), lambda index: "dram").set_index("tensor")


@pytest.mark.parametrize(("name", "expected"), [("fp32", "none (floating point)"), ("bf16", PRODUCT_SCALE)])
def test_narrow_accumulators_keep_the_scales_of_their_operands(root, name, expected):
    hw = load_hwconfig(root / "hwconfigs" / "fp8_hybrid.yaml", [f"mac_array.accumulators.forward={name}"])
    table = table_of(root, hw)
    assert table.loc["linear1.product", ["format", "scale"]].tolist() == [name, expected]
    assert table.loc["linear1.weight_product", "scale"] == "none (floating point)"


def test_two_levels_of_scales_and_stochastic_floats(root):
    hw = load_hwconfig(root / "hwconfigs" / "nvfp4.yaml")
    table = table_of(root, hw)
    weight, gradient = table.loc["linear1.weight_codes"], table.loc["linear1.gradient_data_path"]
    assert weight["scale"].startswith("E4M3, per block; over all own largest magnitude this step")
    assert (weight["rounding"], gradient["rounding"]) == (
        "nearest even, after every operation",
        "stochastic, 16 random bits",
    )


def test_every_rounding_that_rounds_once_has_words():
    assert set(ROUNDINGS) == set(Rounding) - {Rounding.NEAREST, Rounding.STOCHASTIC}


def test_blocks_say_what_their_scale_is(root):
    hw = load_hwconfig(root / "hwconfigs" / "mxfp8.yaml", ["numerics.weight=int4_b16"])
    table = table_of(root, hw)
    assert table.loc["linear1.weight_codes", "scale"] == (
        "largest magnitude of the block / largest code, fp32, per block"
    )
    assert table.loc["linear1.gradient_data_path", "scale"] == "power of two, per block"


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
    table = table_of(root, hw)
    sums = "all_reduce.linear1.weight_gradient"
    assert table.loc[["linear1.gradient_data_path", sums], "rounding"].tolist() == expected
    assert table.loc["linear1.weight_gradient_sent", "rounding"] == expected[0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("scale: delayed, history: 7", "largest magnitude of the last 7 steps / largest code, per tensor"),
        (
            "scale: delayed, history: 1, headroom: 1.5",
            "1.5 x largest magnitude of the last step / largest code, per tensor",
        ),
        ("headroom: 2", "2 x own largest magnitude this step / largest code, per tensor"),
        ("affine: true, scale: delayed", "range of the last 16 steps / codes, with a zero point, per tensor"),
        ("history: 7", "own largest magnitude this step / largest code, per tensor"),
    ],
)
def test_history_and_headroom_are_told_where_they_apply(root, fields, expected):
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", [f"numerics.activation={{format: int8, {fields}}}"])
    table = table_of(root, hw)
    assert table.loc["conv2d1.input", "scale"] == expected
    assert table.loc["linear1.gradient_data_path", "scale"].startswith("own largest")


def test_headroom_of_what_is_fixed_point(root):
    settings = [f"numerics.{role}=int32" for role in ("optimizer_state", "weight_gradient")]
    settings += ["numerics.master_weight={format: int32, headroom: 4}"]
    table = table_of(root, load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", settings))
    assert table.loc["linear1.weight", "scale"] == "power of two, chosen once, with headroom 4"
    assert set(table.loc[table["role"] == "optimizer_state", "scale"]) == {"power of two, chosen once"}
