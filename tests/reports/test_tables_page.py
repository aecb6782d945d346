"""docs/tables.md: it has every column that a run writes, and what it says adds up does."""

from __future__ import annotations

import re

import pytest

import accelsim

TABLES = ("layers", "operations", "mapping", "traffic", "memories", "roofline", "dtypes", "model_size")
STALLS = re.compile(r"stall_\w+_cycles")


@pytest.fixture(scope="module")
def result(root):
    """With a level, random bits and DRAM whose energy is split."""
    level = "buffers.levels=[{name: shared, capacity_bytes: 512 KiB, bytes_per_cycle: 64}]"
    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    return accelsim.simulate(*files, timing_only=True, settings=[level])


@pytest.fixture(scope="module")
def sections(root):
    text = (root / "docs" / "tables.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_there_and_no_other(sections, result, name):
    columns = set(getattr(result, name).columns)
    named = set(re.findall(r"`([a-z]\w*)`", sections[f"{name}.csv"]))
    assert {column for column in columns if not STALLS.fullmatch(column) or column == "stall_cycles"} <= named
    if name == "operations":
        assert "`stall_..._cycles`" in sections["operations.csv"]
    first_cells = re.findall(r"^\| (`[^|]+) \|", sections[f"{name}.csv"], re.MULTILINE)
    listed = {column for cell in first_cells for column in re.findall(r"`([a-z]\w*)`", cell)}
    assert listed - columns <= {"energy_link_pj"}


def test_every_figure_is_there(sections, result):
    figures = set(re.findall(r"`([a-z]\w*)`", sections["summary.json"]))
    assert set(result.summary) <= figures


def test_what_adds_up(result):
    layers, operations, summary = result.layers, result.operations, result.summary
    assert (layers["compute_cycles"] + layers["stall_cycles"] == layers["end_cycle"] - layers["start_cycle"]).all()
    stalls = [name for name in operations if STALLS.fullmatch(name)]
    assert "stall_level_shared_cycles" in stalls
    assert (operations[stalls].sum(axis=1) == operations["stall_cycles"]).all()
    assert layers["end_cycle"].max() == summary["total_cycles"]
    parts = ["energy_mac_pj", "energy_lane_pj", "energy_sram_pj", "energy_dram_pj"]
    assert layers[parts].sum(axis=1).to_numpy() == pytest.approx(layers["energy_pj"].to_numpy())
    assert layers["energy_pj"].sum() == pytest.approx(summary["energy_per_step_pj"])
    assert layers["energy_sram_pj"].sum() == pytest.approx(result.memories["energy_pj"].sum())
    dram = layers["energy_dram_pj"].sum()
    assert result.traffic["energy_pj"].sum() == pytest.approx(dram)
    assert sum(summary[f"energy_dram_{part}_pj"] for part in ("activate", "read", "write", "io")) == pytest.approx(dram)
    moved = ["read_bytes", "write_bytes"]
    assert layers["dram_bytes"].sum() == summary["dram_bytes_per_step"] == result.traffic[moved].to_numpy().sum()
    assert layers["sram_bytes"].sum() == summary["sram_bytes_per_step"] == result.memories[moved].to_numpy().sum()
    assert result.model_size["bytes"].sum() == summary["model_size_bytes"]
