"""The band of a step's energy, static energy and the area of buffers."""

from __future__ import annotations

import pytest

from accelsim.energy import buffer_area_um2, energy_band, static_energy_pj, step_energy


def test_the_nominal_energy_lies_in_the_band(case):
    program, timeline, hw = case
    band = energy_band(program, timeline, hw)
    total = step_energy(program, timeline, hw).total_pj
    assert band["energy_low_pj"] <= total <= band["energy_high_pj"]
    assert band["energy_low_pj"] < band["energy_high_pj"]


def test_an_override_has_no_band(case):
    program, timeline, hw = case
    fixed = {"mac_pj": 1.0, "sram_pj_per_byte": 2.0, "multiply_pj": {}, "add_pj": {}}
    formats = {op.work.format.name for op in program.operations if op.work}
    fixed["multiply_pj"] = fixed["add_pj"] = dict.fromkeys(formats, 0.5)
    dram = hw.dram.model_copy(update={"energy_pj_per_bit": 20.0})
    changed = hw.model_copy(update={"energy": hw.energy.model_copy(update=fixed), "dram": dram})
    band = energy_band(program, timeline, changed)
    total = step_energy(program, timeline, changed).total_pj
    assert list(band.values()) == [pytest.approx(total)] * 2


def test_static_energy_is_power_times_time(case):
    *_, hw = case
    chip = hw.model_copy(update={"energy": hw.energy.model_copy(update={"static_power_mw": 100.0})})
    without = static_energy_pj(hw, 1e-3) or 0.0
    assert static_energy_pj(chip, 1e-3) == pytest.approx(without + 100e-3 * 1e-3 * 1e12)


def test_bigger_buffers_take_more_area(case):
    *_, hw = case
    bigger = hw.buffers.input.model_copy(update={"capacity_bytes": 2 * hw.buffers.input.capacity_bytes})
    changed = hw.model_copy(update={"buffers": hw.buffers.model_copy(update={"input": bigger})})
    assert buffer_area_um2(changed) > buffer_area_um2(hw) > 0
