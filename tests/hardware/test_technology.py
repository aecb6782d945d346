"""Technologies: tables that a power law completes, and bands where sources disagree."""

from __future__ import annotations

import pytest

from accelsim.formats import format_by_name
from accelsim.hardware.technology import Bound, load_technology, technology_names

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
