"""Figures that no table lists are named beside the results."""

from __future__ import annotations

import math
import re

import pytest

import accelsim
from accelsim.energy import ASSUMPTIONS, estimates
from accelsim.energy.figures import mac_pj, multiply_pj
from accelsim.energy.memories import memory_costs
from accelsim.formats import FP32, format_by_name
from accelsim.hardware import load_hwconfig
from accelsim.hardware.technology import load_technology, technology_names
from accelsim.reports.page import run_page


def _machine(root, name, *settings):
    return load_hwconfig(root / "hwconfigs" / f"{name}.yaml", settings)


def test_a_multiplier_of_fp4_is_said_to_follow_a_power_law(root):
    hw = _machine(root, "nvfp4")
    (text,) = estimates(hw)
    assert text.startswith("A multiplication in fp4_e2m1 (0.0777 pJ, 55.9 um2) has no figure in the 45nm tables")
    assert "the significand's width through fp16 and fp32" in text
    share = multiply_pj(hw, hw.mac_array.operand_format) / mac_pj(hw, FP32)
    assert f"{share:.0%} of the energy of a multiply-accumulate; the addition in fp32 is the rest" in text


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("fp32", (), []),
        ("nvfp4", ("energy.mac_pj=0.1",), ["fp4_e2m1"]),
        ("nvfp4", ("energy.multiply_pj={fp4_e2m1: 0.05}",), ["fp4_e2m1"]),
        ("fp8_hybrid", ("mac_array.accumulators.forward=bf16",), ["fp8_e4m3", "bf16"]),
        ("tpu_v4i", (), ["bf16"]),
        ("int8_range_bn", ("mac_array.operand=int4",), ["int4", "int48"]),
    ],
)
def test_what_the_tables_or_the_hwconfig_have_is_not_named(root, name, settings, named):
    texts = [text for text in estimates(_machine(root, name, *settings)) if not text.startswith("Banks")]
    assert [re.match(r"An? \w+ in (\w+) ", text)[1] for text in texts] == named
    if any(setting.startswith("energy") for setting in settings):
        assert "pJ" not in texts[0]
        assert "multiply-accumulate" not in texts[0]


@pytest.mark.parametrize(
    ("name", "settings", "banks"),
    [
        ("int8_range_bn", (), {}),
        ("int8_range_bn", ("buffers.input.capacity_bytes=4 MiB", "buffers.weight.capacity_bytes=8 KiB"), {}),
        ("int8_range_bn", ("buffers.input.capacity_bytes=8 MiB", "buffers.input.banks=2"), {}),
        ("int8_range_bn", ("buffers.input.capacity_bytes=4097 KiB",), {"4.001 MiB": "input"}),
        ("int8_range_bn", ("buffers.weight.capacity_bytes=8191",), {"7.999 KiB": "weight"}),
        (
            "int8_range_bn",
            ("buffers.weight.capacity_bytes=64", "buffers.input.capacity_bytes=4 GiB"),
            {"64 B": "weight", "4 GiB": "input"},
        ),
        (
            "int8_range_bn",
            ("buffers.weight.capacity_bytes=1000", "buffers.input.capacity_bytes=1 GiB"),
            {"1000 B": "weight", "1 GiB": "input"},
        ),
        ("int8_range_bn", ("buffers.weight.capacity_bytes=1 KiB",), {"1 KiB": "weight"}),
        ("eyeriss", (), {"4 KiB": "input, output"}),
        ("tpu_v4i", (), {"128 MiB": "input", "8 MiB": "weight, output"}),
    ],
)
def test_memories_outside_of_the_tables_are_named(root, name, settings, banks):
    hw = _machine(root, name, *settings)
    found = [text for text in estimates(hw) if text.startswith("Banks")]
    assert len(found) == bool(banks)
    costs = {cost.name: cost for cost in memory_costs(hw)}
    for size, names in banks.items():
        cost = costs[names.split(",")[0]]
        figures = f"{cost.read_pj_per_byte:.3g} pJ a byte read, {cost.write_pj_per_byte:.3g} written, "
        assert f" of {size} ({names}; {figures}" in found[0]


def test_memories_whose_energy_the_hwconfig_gives_are_named_for_their_area(root):
    settings = "buffers.input.capacity_bytes=8 MiB", "energy.sram_pj_per_byte=1"
    (_, text) = estimates(_machine(root, "int8_range_bn", *settings))
    assert re.match(r"Banks of 8 MiB \(input; [\d.]+ mm2\) are smaller or larger than all in the 45nm tables", text)


@pytest.mark.parametrize("technology", technology_names())
@pytest.mark.parametrize("name", ["fp4_e2m1", "fp8_e4m3", "int4", "int12", "int48", "mxfp4", "int16", "mxint8", "fp32"])
@pytest.mark.parametrize("table", ["multiply_pj", "add_pj", "multiply_um2", "add_um2"])
def test_a_figure_lies_on_the_power_law_of_its_basis(technology, name, table):
    tables, format_ = load_technology(technology), format_by_name(name)
    basis = tables.basis(table, format_)
    figure = tables.figure(table, format_)
    if not basis:
        assert figure in getattr(tables, table).values.values()
        return
    (low, high), values = map(format_by_name, basis), getattr(tables, table).values
    width = {f: _width(f) for f in (low, high, getattr(format_, "element", format_))}
    (x0, x1, x), (y0, y1) = width.values(), (values[low.name], values[high.name])
    exponent = math.log(y1 / y0) / math.log(x1 / x0)
    assert figure == pytest.approx(y0 * (x / x0) ** exponent)


def _width(format_):
    return format_.mantissa_bits + 1 if format_.family == "float" else format_.bits


def test_a_run_shows_it_first(root):
    hwconfig, workload = root / "hwconfigs" / "nvfp4.yaml", root / "workloads" / "digits_cnn.yaml"
    result = accelsim.simulate(hwconfig, workload, timing_only=True)
    shown = result.summary["assumptions"]
    assert shown[0] == estimates(load_hwconfig(hwconfig))[0]
    assert set(ASSUMPTIONS) < set(shown)
    page = run_page(result)
    assert page.index("A multiplication in fp4_e2m1") < page.index("more</summary>")
