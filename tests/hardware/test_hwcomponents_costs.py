"""Costs from hwcomponents: against a stand-in of its interface, and against the package itself where installed."""

import importlib.util
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import get_args

import pytest

from accelsim.energy import area_um2, buffer_area_um2, energy_band, leakage_mw, static_energy_pj, step_energy
from accelsim.errors import UserError
from accelsim.formats import format_by_name
from accelsim.hardware import load_hwconfig, load_technology
from accelsim.hardware.costs import COST_SOURCES, CostSource
from accelsim.hardware.hwcomponents_costs import HwcomponentsCosts, _model
from accelsim.hardware.technology import Bound
from accelsim.simulation import simulate as simulate_files
from accelsim.timing import simulate

INT8, INT32, FP32, MXINT8 = (format_by_name(name) for name in ("int8", "int32", "fp32", "mxint8"))


@dataclass
class ActionCost:
    """What an action returns: joules, seconds, actions a second."""

    energy: float
    latency: float = 1e-9
    throughput: float = 1e9


class Component:
    """A model: attributes in SI units, and actions as methods."""

    def __init__(self, area, leak_power, **actions_j):
        self.area, self.leak_power = area, leak_power
        for name, joules in actions_j.items():
            setattr(self, name, lambda joules=joules: ActionCost(joules))


def get_model(component_name, component_attributes, required_actions=()):
    """Arithmetic by bits at any node, memories by bits of size."""
    asked = dict(component_attributes)
    assert 6e-9 < asked.pop("tech_node") < 66e-9
    if component_name == "SRAM":
        size, width = asked.pop("size"), asked.pop("width")
        assert (size % width, asked) == (0, {})
        pairs = width / 64
        return Component(size * 1e-12, size * 1e-11, read=pairs * size * 1e-17, write=pairs * size * 2e-17)
    width = asked.pop("width")
    assert asked == {}
    if component_name == "Adder" and list(required_actions) == ["add"]:
        return Component(width * 10e-12, width * 1e-7, add=width * 5e-15)
    if component_name == "Multiplier" and list(required_actions) == ["multiply"]:
        return Component(width**2 * 6e-12, width**2 * 1e-7, multiply=width**2 * 10e-15)
    raise RuntimeError(f"Component {component_name} is not supported by any models.\n\tdetails")


@pytest.fixture
def stand_in(monkeypatch):
    package = SimpleNamespace(get_model=get_model)
    monkeypatch.setitem(sys.modules, "hwcomponents", package)
    _model.cache_clear()
    yield package
    _model.cache_clear()


@pytest.fixture
def machine(load):
    hw = load("int8_range_bn")
    return hw.model_copy(update={"energy": hw.energy.model_copy(update={"models": "hwcomponents"})})


def test_every_source_can_be_named():
    assert set(COST_SOURCES) == set(get_args(CostSource))


@pytest.mark.usefixtures("stand_in")
def test_units():
    costs = HwcomponentsCosts(load_technology("45nm"))
    assert costs.figure("add_pj", INT32) == pytest.approx(32 * 0.005)
    assert costs.figure("multiply_pj", INT8) == pytest.approx(64 * 0.01)
    assert costs.figure("add_um2", INT8) == pytest.approx(80)
    assert costs.figure("multiply_um2", MXINT8) == pytest.approx(64 * 6)
    kib = 8 * 1024
    assert costs.sram_pj_per_byte(1024) == pytest.approx(kib * 1e-5 / 8)
    assert costs.sram_pj_per_byte(1024, write=True) == pytest.approx(2 * costs.sram_pj_per_byte(1024))
    assert costs.sram_pj_per_byte(1024, word_bits=256) == pytest.approx(costs.sram_pj_per_byte(1024))
    assert costs.sram_mm2(1000, 256) == pytest.approx(costs.sram_mm2(1024))
    assert costs.sram_mm2(1023) == costs.sram_mm2(1024) == pytest.approx(kib * 1e-6)
    assert costs.leakage_mw(INT8, INT32) == pytest.approx(1e-4 * (64 + 32))
    assert costs.sram_leakage_mw(1024) == pytest.approx(kib * 1e-8)


@pytest.mark.usefixtures("stand_in")
def test_floats_keep_the_figures_of_the_tables():
    tables = load_technology("45nm")
    costs = HwcomponentsCosts(tables)
    for table in ("multiply_pj", "add_pj", "multiply_um2", "add_um2"):
        assert costs.figure(table, FP32) == tables.figure(table, FP32)
    assert costs.bounded("add_pj", FP32, Bound.HIGH) == tables.bounded("add_pj", FP32, Bound.HIGH)
    assert costs.bounded("add_pj", INT32, Bound.HIGH) == costs.figure("add_pj", INT32)
    assert costs.leakage_mw(FP32, FP32) is None


@pytest.mark.usefixtures("stand_in")
def test_a_machine(machine, trace):
    program, timeline = trace("int8_range_bn"), simulate(trace("int8_range_bn"), machine)
    assert area_um2(machine)["mac_array"] == pytest.approx(2048 * (64 * 6 + 48 * 10))
    bits = sum(8 * memory.capacity_bytes for memory in machine.buffers.memories)
    assert buffer_area_um2(machine) == pytest.approx(bits)
    integers = 2048 * (64 + 48) + (64 + 64 + 64) * (32**2 + 32)
    assert leakage_mw(machine) == pytest.approx(integers * 1e-4 + bits * 1e-8)
    dram_mw = 502
    seconds = timeline.seconds(machine.clock_mhz)
    assert static_energy_pj(machine, seconds) == pytest.approx(
        (leakage_mw(machine) + dram_mw) * seconds * 1e9, rel=1e-3
    )
    (conv, *_) = (op for op in program.operations if op.opcode == "conv2d")
    alone = step_energy(type(program)(program.tensors, [conv]), type(timeline)([timeline.operations[0]]), machine)
    assert alone.mac_pj == pytest.approx(conv.macs * (0.64 + 0.16))
    band = energy_band(program, timeline, machine)
    assert band["energy_low_pj"] <= step_energy(program, timeline, machine).total_pj <= band["energy_high_pj"]


def test_own_figures_come_first(stand_in, machine):
    own = machine.energy.model_copy(update={"static_power_mw": 3.0})
    found = static_energy_pj(machine.model_copy(update={"energy": own}), 1.0)
    assert found < static_energy_pj(machine, 1.0)


def test_tables_have_no_leakage(load):
    assert leakage_mw(load("int8_range_bn")) is None


def test_without_the_package(monkeypatch, root, tmp_path):
    monkeypatch.setitem(sys.modules, "hwcomponents", None)
    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    settings = ["energy.models=hwcomponents"]
    with pytest.raises(
        UserError, match=r"energy\.models: hwcomponents.*Python 3\.12.*accelsim\[hwcomponents\].*tables"
    ):
        simulate_files(*files, settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert load_hwconfig(files[0], settings).energy.models == "hwcomponents"


def test_a_model_that_is_missing_or_fails(stand_in, machine):
    def missing(component_name, component_attributes, required_actions=()):
        raise RuntimeError(f"Component {component_name} is not supported.\n.\n")

    def failing(component_name, component_attributes, required_actions=()):
        model = get_model(component_name, component_attributes, required_actions)
        model.read = lambda: 1 / 0
        return model

    stand_in.get_model = missing
    with pytest.raises(UserError, match=r"no Adder \(tech_node 4\.5e-08, width 32\): .* is not supported\."):
        area_um2(machine)
    stand_in.get_model = failing
    with pytest.raises(UserError, match="Component of hwcomponents fails: division by zero"):
        machine.costs().sram_pj_per_byte(1024)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(importlib.util.find_spec("hwcomponents") is None, reason="hwcomponents is not installed")
def test_the_package_itself():
    """Aladdin's adder and multiplier and CACTI's memory, at the node and size of the tables."""
    tables, costs = load_technology("45nm"), HwcomponentsCosts(load_technology("45nm"))
    for table in ("multiply_pj", "add_pj", "multiply_um2", "add_um2"):
        assert 0.1 < costs.figure(table, INT32) / tables.figure(table, INT32) < 10
    kib = 64 << 10
    assert costs.sram_pj_per_byte(kib) == pytest.approx(tables.sram_pj_per_byte(kib), rel=0.05)
    assert costs.sram_pj_per_byte(kib, write=True) == pytest.approx(tables.sram_pj_per_byte(kib, write=True), rel=0.05)
    assert costs.sram_mm2(kib) == pytest.approx(tables.sram_mm2(kib), rel=0.05)
    assert costs.leakage_mw(INT8, INT32) > 0
    assert costs.sram_leakage_mw(kib) > 0
