"""Energy by on-chip memory and by class of tensor: parts of the step's energy, none left out."""

import pytest

from accelsim.energy import buffer_area_um2, memory_costs, memory_rows, operation_energy, step_energy, traffic_rows
from accelsim.hardware import HardwareConfig, Level
from accelsim.timing import simulate


def summed(rows, name):
    return sum(row[name] for row in rows)


def test_memories_take_all_of_the_energy_on_chip(case):
    program, timeline, hw = case
    rows = memory_rows(timeline, hw)
    assert [row["memory"] for row in rows] == ["input", "weight", "output"]
    assert summed(rows, "energy_pj") == pytest.approx(step_energy(program, timeline, hw).sram_pj, rel=1e-12)
    assert summed(rows, "energy_share") == pytest.approx(1)
    for way in ("read_bytes", "write_bytes"):
        assert summed(rows, way) == sum(getattr(timing.sram, way) for timing in timeline.operations)


def test_levels_come_last_even_where_nothing_passes_them(step):
    program, _, hw = step("int8_range_bn")
    levels = (Level(name="l2", capacity_bytes=1 << 20, bytes_per_cycle=64),)
    levelled = hw.model_copy(update={"buffers": hw.buffers.model_copy(update={"levels": levels})})
    timeline = simulate(program, levelled)
    rows = memory_rows(timeline, levelled)
    assert rows[-1]["memory"] == "l2"
    assert rows[-1]["energy_pj"] > 0
    assert summed(rows, "energy_pj") == pytest.approx(step_energy(program, timeline, levelled).sram_pj, rel=1e-12)
    unused = memory_rows(simulate(program, hw), levelled)
    assert [row["energy_share"] > 0 for row in unused] == [True, True, True, False]


def test_memories_whose_bytes_cost_nothing_have_no_share(step):
    _, timeline, hw = step("int8_range_bn")
    free = HardwareConfig.model_validate({**hw.model_dump(), "energy": {"sram_pj_per_byte": 0.0}})
    rows = memory_rows(timeline, free)
    assert summed(rows, "read_bytes") > 0
    assert summed(rows, "energy_pj") == summed(rows, "energy_share") == 0


def test_classes_take_all_of_the_energy_of_dram(case):
    program, timeline, hw = case
    rows = traffic_rows(program, timeline, hw)
    assert summed(rows, "energy_pj") == pytest.approx(step_energy(program, timeline, hw).dram_pj, rel=1e-12)
    keys = [(row["phase"], row["class"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert all(row["read_bytes"] + row["write_bytes"] for row in rows)
    for phase in {phase for phase, _ in keys}:
        pairs = zip(program.operations, timeline.operations, strict=True)
        whole = sum(operation_energy(program, op, timing, hw).dram_pj for op, timing in pairs if op.phase == phase)
        assert summed([row for row in rows if row["phase"] == phase], "energy_pj") == pytest.approx(whole)


def with_words(hw, bits):
    """All three buffers with words of so many bits."""
    buffers = hw.buffers.model_dump()
    for name in ("input", "weight", "output"):
        buffers[name]["word_bits"] = bits
    return HardwareConfig.model_validate({**hw.model_dump(), "buffers": buffers})


def test_a_wider_word_shares_an_access_among_more_bytes(step):
    """CACTI at 45 nm, 256 KiB: 44.716 pJ to read 64 bits, 167 % of that 128, 278 % 256."""
    program, timeline, hw = step("int8_range_bn")
    assert hw.technology == "45nm"
    costs = {bits: memory_costs(with_words(hw, bits))[0] for bits in (32, 64, 128, 256)}
    assert costs[64].read_pj_per_byte == pytest.approx(44.716 / 8)
    assert costs[256].read_pj_per_byte == pytest.approx(124.593 / 32, rel=0.01)
    reads, writes = ([getattr(costs[bits], f"{way}_pj_per_byte") for bits in costs] for way in ("read", "write"))
    assert reads == sorted(reads, reverse=True)
    assert writes == sorted(writes, reverse=True)
    energies = [step_energy(program, timeline, with_words(hw, bits)) for bits in (64, 256)]
    assert energies[1].sram_pj < 0.8 * energies[0].sram_pj
    assert (energies[0].mac_pj, energies[0].dram_pj) == (energies[1].mac_pj, energies[1].dram_pj)
    assert simulate(program, with_words(hw, 256)).operations == timeline.operations
    assert buffer_area_um2(with_words(hw, 512)) > buffer_area_um2(hw)
