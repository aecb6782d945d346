"""Technologies: tables that a power law completes, and bands where sources disagree."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from accelsim.errors import UserError
from accelsim.formats import format_by_name
from accelsim.hardware import Memory
from accelsim.hardware.technology import WORD_BITS, Bound, load_technology, technology_names

INT32, INT8 = format_by_name("int32"), format_by_name("int8")


@pytest.mark.parametrize("name", technology_names())
def test_a_band_holds_the_figures_and_names_its_source(name):
    technology = load_technology(name)
    for table in (technology.multiply_pj, technology.add_pj, technology.sram):
        low, high = table.band
        assert low <= 1 <= high
        assert (table.band != (1.0, 1.0)) == bool(table.band_source)
    for table in ("multiply_pj", "add_pj"):
        low, nominal, high = (
            technology.bounded(table, INT8, bound) for bound in (Bound.LOW, Bound.NOMINAL, Bound.HIGH)
        )
        assert low <= nominal == technology.figure(table, INT8) <= high


def test_the_second_source_lies_at_the_end_of_the_band():
    technology = load_technology("45nm")
    # Aladdin at 40 nm: 12.68 pJ and 0.21 pJ for 32 bits; Horowitz: 10 pJ for 64 bits of 8 KiB.
    assert technology.bounded("multiply_pj", INT32, Bound.HIGH) == pytest.approx(12.68, rel=0.01)
    assert technology.bounded("add_pj", INT32, Bound.HIGH) == pytest.approx(0.21)
    read = technology.sram_pj_per_byte(8 << 10) * 8 * technology.sram.factor(Bound.HIGH)
    assert read == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize("name", technology_names())
def test_every_word_of_a_hwconfig_has_figures(name):
    """A memory of 64 words or more; a wider access costs more in all, and a larger memory more an access."""
    sram = load_technology(name).sram
    widths = get_args(Memory.model_fields["word_bits"].annotation)
    assert set(widths) == {WORD_BITS, *sram.words}
    for bits in widths:
        word = sram.of_words(bits)
        assert all(8 * kib * 1024 >= 64 * bits for kib in word.read_pj)
        for table in (word.read_pj, word.write_pj):
            assert list(table.values()) == sorted(table.values())
            assert set(table) == set(word.area_mm2)
    for narrow, wide in itertools.pairwise(sorted(widths)):
        reads, wider = sram.of_words(narrow).read_pj, sram.of_words(wide).read_pj
        assert all(wider[kib] > 0.85 * reads[kib] for kib in wider)


def test_a_word_that_the_tables_lack_is_refused():
    with pytest.raises(UserError, match=r"word_bits: found 48, and the technology's tables have 32, 64, 128"):
        load_technology("45nm").sram_pj_per_byte(8 << 10, word_bits=48)


def test_a_byte_of_a_word_costs_its_part():
    technology = load_technology("45nm")
    assert technology.sram_pj_per_byte(8 << 10, word_bits=64) == technology.sram_pj_per_byte(8 << 10)
    assert technology.sram_pj_per_byte(8 << 10, word_bits=256) * 32 == pytest.approx(11.484)
    assert technology.sram_pj_per_byte(8 << 10, word_bits=256, write=True) * 32 == pytest.approx(26.41)
    assert technology.sram_mm2(8 << 10, 512) == pytest.approx(0.049, rel=0.02)


def test_smaller_nodes_cost_less():
    nodes = [load_technology(name) for name in ("65nm", "45nm", "28nm", "16nm", "7nm")]
    for table in ("multiply_pj", "add_pj", "multiply_um2", "add_um2"):
        figures = [node.figure(table, INT8) for node in nodes]
        assert figures == sorted(figures, reverse=True)
    areas = [node.sram_mm2(100 << 10) for node in nodes]
    assert areas == sorted(areas, reverse=True)


def test_buffers_between_listed_capacities_lie_between_their_areas():
    technology = load_technology("45nm")
    assert technology.sram_mm2(64 << 10) == pytest.approx(0.209)
    assert 0.209 < technology.sram_mm2(100 << 10) < 0.4296
