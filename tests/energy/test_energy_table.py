"""The per-operation table."""

import pytest

from accelsim.energy import layer_rows, step_energy
from accelsim.reports.schema import LAYERS

COLUMNS = [*LAYERS[:2], "part", *LAYERS[2:], "energy_random_pj"]
"""What readers of ``layers.csv`` count on, and what older runs lack."""


def test_columns_and_order(case):
    program, timeline, hw = case
    rows = layer_rows(program, timeline, hw)
    assert [row["index"] for row in rows] == list(range(len(program.operations)))
    assert all(list(row) == COLUMNS for row in rows)


def test_values_are_plain(case):
    program, timeline, hw = case
    assert {type(value) for row in layer_rows(program, timeline, hw) for value in row.values()} == {str, int, float}


def test_sums_agree_with_the_step(case):
    program, timeline, hw = case
    rows = layer_rows(program, timeline, hw)
    assert sum(row["macs"] for row in rows) == program.macs
    assert sum(row["dram_bytes"] for row in rows) == timeline.dram_bytes
    assert max(row["end_cycle"] for row in rows) == timeline.total_cycles
    assert abs(sum(row["energy_pj"] for row in rows) / step_energy(program, timeline, hw).total_pj - 1) < 1e-9


def test_parts_add_up(case):
    program, timeline, hw = case
    for row in layer_rows(program, timeline, hw):
        assert row["end_cycle"] - row["start_cycle"] == row["compute_cycles"] + row["stall_cycles"]
        assert row["dram_bytes"] == row["dram_read_bytes"] + row["dram_write_bytes"]
        parts = [row[f"energy_{part}_pj"] for part in ("mac", "lane", "sram", "dram")]
        assert row["energy_pj"] == pytest.approx(sum(parts))
        assert 0 <= row["energy_random_pj"] <= row["energy_lane_pj"]
        assert (row["passes"] > 0) is (row["unit"] == "mac_array")
