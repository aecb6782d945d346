"""Arithmetic area, and the claim that two shipped machines have the same."""

import math

import pytest

from accelsim.energy import area_um2


def lanes_um2(hw):
    return sum(area for unit, area in area_um2(hw).items() if unit != "mac_array")


def with_more(hw, part, field):
    model = getattr(hw, part)
    return hw.model_copy(update={part: model.model_copy(update={field: getattr(model, field) + 1})})


def test_figures_of_the_int8_machine(load):
    """The weight gradient adds in 48 bits: a power law through int16's and int32's adder."""
    adder = 137 * (137 / 67) ** math.log2(48 / 32)
    assert area_um2(load("int8_range_bn")) == pytest.approx(
        {
            "mac_array": 2 * 32 * 32 * (282 + adder),
            "vector": 64 * (3495 + 137),
            "norm": 64 * (3495 + 137),
            "quantise": 64 * (3495 + 137),
            "update": 16 * (7700 + 4184),
        }
    )


@pytest.mark.parametrize("product", ["forward", "data_gradient", "weight_gradient"])
@pytest.mark.parametrize(("widest", "adder"), [("int32", 137), ("int16", 67), ("int8", 36)])
def test_a_mac_has_the_largest_adder_of_its_accumulators(load, product, widest, adder):
    hw = load("int8_range_bn")
    formats = dict.fromkeys(("forward", "data_gradient", "weight_gradient"), "int8") | {product: widest}
    accumulators = type(hw.mac_array.accumulators)(**formats)
    array = hw.mac_array.model_copy(update={"accumulators": accumulators})
    assert area_um2(hw.model_copy(update={"mac_array": array}))["mac_array"] == 2 * 32 * 32 * (282 + adder)


def test_float_machine_has_no_quantise_unit(load):
    assert "quantise" not in area_um2(load("fp32"))


def test_fp32_macs_fill_the_area_of_the_int8_macs(load):
    budget = area_um2(load("int8_range_bn"))["mac_array"]
    fp32 = load("fp32")
    assert area_um2(fp32)["mac_array"] <= budget
    for side in ("rows", "columns"):
        assert area_um2(with_more(fp32, "mac_array", side))["mac_array"] > budget


@pytest.mark.parametrize("unit", ["vector_unit", "norm_unit", "update_unit"])
def test_fp32_lanes_fill_the_area_of_the_int8_lanes(load, unit):
    budget = lanes_um2(load("int8_range_bn"))
    fp32 = load("fp32")
    assert lanes_um2(fp32) <= budget
    assert lanes_um2(with_more(fp32, unit, "lanes")) > budget
