"""The validation table: every published figure that was collected has one row, and every row has its reason."""

import pytest
from validation_parts.eyeriss import eyeriss
from validation_parts.gemmini import gemmini
from validation_parts.left_out import LEFT_OUT
from validation_parts.nvdla import nvdla
from validation_parts.page import page, table
from validation_parts.rows import PUBLISHED, Row
from validation_parts.scalesim import Match
from validation_parts.tpu_v1 import tpu_v1
from validation_parts.tpu_v4i import tpu_v4i

MACHINES = {"a": tpu_v1, "b": eyeriss, "c": nvdla, "d": gemmini, "e": tpu_v4i}


@pytest.mark.slow
def test_every_published_figure_has_one_row():
    tables = {name: rows() for name, rows in MACHINES.items()}
    rows = [row for each in tables.values() for row in each]
    assert sorted(row.key for row in rows) == sorted(PUBLISHED)
    assert all(row.ours > 0 and row.why.endswith((".", "peak.")) for row in rows)
    assert len({row.title for row in tables["a"]}) == len(tables["a"])
    text = page(tables, Match(225, 0))
    assert all(f"| {what} | {why} |" in text for what, why in LEFT_OUT)
    assert all(text.count(f"| {row.title} | ") >= 1 for row in rows)


def test_a_row_of_the_table_shows_its_deviation_and_source():
    row = Row("tpu_v1.peak", "peak", 91.75, "why.")
    assert table([row]).splitlines()[2].startswith("| peak | 92.0 TOPS (second-hand: Jouppi et al.")
    assert "| -0.3 % | why. |" in table([row])
    assert Row("tpu_v1.cnn0.stall", "wait", 5.0, "why.").deviation is None


@pytest.mark.parametrize(
    ("machine", "buffers", "banks", "bank_bytes", "word_bytes"),
    [
        ("nvdla_full", ("input", "weight"), 16, 512 * 64, 64),
        ("gemmini", ("input", "weight"), 4, 64 * 1024, 16),
        ("gemmini", ("output",), 2, 32 * 1024, 64),
        ("eyeriss", ("input", "output"), 25, 512 * 8, 8),
        ("tpu_v1", ("output",), 256, 4096 * 4, 4),
    ],
)
def test_shipped_machines_have_the_published_banks(load, machine, buffers, banks, bank_bytes, word_bytes):
    """As many banks as in the source, of its size and width, however they are dealt out."""
    hw = load(machine)
    memories = [getattr(hw.buffers, name) for name in buffers]
    assert sum(memory.banks for memory in memories) == banks
    assert {memory.bank_bytes for memory in memories} == {bank_bytes}
    assert {memory.word_bits for memory in memories} == {8 * word_bytes}
