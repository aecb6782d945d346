"""Energy of DRAM by standard."""

import pytest

from accelsim.energy.dram import dram_figures, dram_pj_per_byte, dram_split, dram_static_mw
from accelsim.hardware import Dram, HardwareConfig, dram_standards

STANDARDS = sorted(dram_standards())


@pytest.fixture
def machine(int8_machine):
    def made(standard, bound="nominal", **choices):
        dram = Dram(standard=standard, **choices).model_dump()
        return HardwareConfig.model_validate({**int8_machine.model_dump(), "dram": dram, "energy": {"bound": bound}})

    return made


@pytest.mark.parametrize("standard", STANDARDS)
def test_bounds_enclose_the_nominal_figure(machine, standard):
    low, nominal, high = (dram_pj_per_byte(machine(standard, bound)) for bound in ("low", "nominal", "high"))
    assert low <= nominal <= high
    assert nominal == 8 * dram_standards()[standard].energy.pj_per_bit


@pytest.mark.parametrize(("bound", "expected"), [("low", 3.905), ("nominal", 5.469), ("high", 7.033)])
def test_hbm2_spans_what_publications_say(machine, bound, expected):
    assert dram_pj_per_byte(machine("HBM2-2000", bound)) == pytest.approx(8 * expected, abs=0.01)


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"pattern": "random"},
        {"organisation": {"row_bytes": 64}},
        {"organisation": {"row_bytes": 65536}},
        {"organisation": {"burst_length": 1, "row_bytes": 8}},
        {"organisation": {"burst_length": 1, "row_bytes": 8}, "pattern": "random"},
    ],
)
@pytest.mark.parametrize("bound", ["low", "nominal", "high"])
def test_the_split_adds_up(machine, bound, choices):
    hw = machine("DDR4-2400", bound, **choices)
    split = dram_split(hw, 6400, 640)
    assert split.total_pj == pytest.approx(7040 * dram_pj_per_byte(hw))
    assert min(split.activate_pj, split.read_pj, split.write_pj, split.io_pj) > 0
    assert split.read_pj == pytest.approx(6400 * 8 * 5.73)
    assert split.write_pj == pytest.approx(640 * 8 * 4.98)


def test_a_stream_shares_its_activations(machine):
    """3.45 nJ open 8 KiB in a stream, and 64 bytes where every burst has its own row."""
    stream, random = (machine("DDR4-2400", pattern=pattern) for pattern in ("streaming", "random"))
    assert dram_split(stream, 8192, 0).activate_pj == pytest.approx(3450)
    assert dram_split(random, 0, 64).activate_pj == pytest.approx(3450)
    assert dram_pj_per_byte(random) - dram_pj_per_byte(stream) == pytest.approx(3450 / 64 - 3450 / 8192)


def test_rows_of_one_burst_cost_a_stream_what_a_random_pattern_costs(machine):
    short = machine("DDR4-2400", organisation={"row_bytes": 64})
    assert dram_pj_per_byte(short) == pytest.approx(dram_pj_per_byte(machine("DDR4-2400", pattern="random")))
    assert dram_split(short, 64, 0).activate_pj == pytest.approx(3450)


@pytest.mark.parametrize("pattern", ["streaming", "random"])
def test_a_figure_of_ones_own_stands_for_everything(machine, pattern):
    hw = machine("DDR4-2400", "high", energy_pj_per_bit=7.0, pattern=pattern)
    assert dram_pj_per_byte(hw) == 56
    assert dram_split(hw, 100, 100) is None


def test_static_power_by_channel(machine):
    assert dram_static_mw(machine("DDR4-2400", channels=2)) == pytest.approx(2 * (412.8 + 89.2))
    assert dram_static_mw(machine("HBM2-2000")) == pytest.approx(16 * 40.8)
    assert dram_static_mw(machine("HBM2-2000", static_mw=5.0)) == 5
    assert dram_static_mw(machine("HBM3-6400")) is None


def test_plain_bandwidth_knows_its_own_figures_alone(machine):
    hw = machine("any", model="bandwidth", bandwidth_bytes_per_s=1e9, energy_pj_per_bit=2.0)
    assert dram_pj_per_byte(hw) == 16
    assert dram_split(hw, 1, 1) is None
    assert dram_static_mw(hw) is None


def test_summary_figures(machine):
    found = dram_figures(machine("DDR4-2400"), 6400, 640, 1e-3)
    nominal = 7040 * 8 * 20.3
    assert found["energy_dram_low_pj"] == pytest.approx(nominal)
    assert found["energy_dram_high_pj"] == pytest.approx(2 * nominal)
    assert found["energy_dram_static_pj"] == pytest.approx(0.502 * 1e-3 * 1e12)
    assert sum(found[f"energy_dram_{part}_pj"] for part in ("activate", "read", "write", "io")) == pytest.approx(
        nominal
    )


def test_figures_without_a_source_are_none(machine):
    found = dram_figures(machine("HBM3-6400"), 6400, 640, 1e-3)
    assert {name for name, value in found.items() if value is not None} == {"energy_dram_low_pj", "energy_dram_high_pj"}
