"""Bytes divided over time: totals are exact, the peak holds, and each operation's bytes stay in its time."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.errors import InternalError
from accelsim.timing import DramModel, OperationTiming, SramTraffic, simulate
from accelsim.timing.analysis.dram_division import dram_division


def timing(index, start, end, moved, prefetch=0):
    return OperationTiming(index, start, end, 0, 0, moved, 0, SramTraffic(), prefetch_cycles=prefetch)


def moved_bytes(stretches, start, end):
    """Between two events."""
    inside = (stretch for stretch in stretches if start <= stretch.start_cycle and stretch.end_cycle <= end)
    return sum(stretch.bytes_per_cycle * (stretch.end_cycle - stretch.start_cycle) for stretch in inside)


def check(timings, peak):
    stretches = dram_division(timings, peak)
    busy = [each for each in timings if each.dram_bytes]
    assert all(a.end_cycle == b.start_cycle for a, b in pairwise(stretches))
    assert moved_bytes(stretches, 0, 1 << 60) == pytest.approx(sum(each.dram_bytes for each in busy))
    for stretch in stretches:
        at_work = sum(e.fetch_cycle <= stretch.start_cycle and stretch.end_cycle <= e.end_cycle for e in busy)
        assert stretch.bytes_per_cycle <= float(peak)
        assert (stretch.operations > 0) == (stretch.bytes_per_cycle > 0)
        assert stretch.operations <= at_work
    for first in busy:
        start, end = first.fetch_cycle, max(first.end_cycle, busy[-1].end_cycle)
        found = moved_bytes(stretches, start, end)
        within = sum(each.dram_bytes for each in busy if start <= each.fetch_cycle and each.end_cycle <= end)
        met = sum(each.dram_bytes for each in busy if each.fetch_cycle < end and start < each.end_cycle)
        assert within * (1 - 1e-9) <= found <= met * (1 + 1e-9)
    return stretches


@settings(max_examples=40, deadline=None)
@given(
    data=st.data(),
    arrays=st.integers(1, 3),
    bytes_per_cycle=st.sampled_from([1, 7.3, 64, 1000]),
    latency=st.sampled_from([0, 20]),
    prefetch=st.booleans(),
)
def test_any_schedule(data, graphs, load, edit, plain_dram, arrays, bytes_per_cycle, latency, prefetch):
    hw = edit(plain_dram(load("int8_range_bn"), bytes_per_cycle, latency), "mac_array", count=arrays, prefetch=prefetch)
    check(simulate(data.draw(graphs), hw).operations, DramModel.of(hw).exact_bytes_per_cycle)


def test_shipped_accelerators(case):
    program, hw = case
    assert check(simulate(program, hw).operations, DramModel.of(hw).exact_bytes_per_cycle)


def test_bytes_are_spread_evenly_where_dram_can():
    """Two operations of half the peak and less, side by side for ten cycles."""
    stretches = check([timing(0, 0, 20, 80), timing(1, 10, 30, 40)], Fraction(8))
    assert [stretch.bytes_per_cycle for stretch in stretches] == [4, 6, 2]
    assert [stretch.operations for stretch in stretches] == [1, 2, 1]


def test_the_earlier_deadline_goes_first_where_it_cannot():
    """The second operation needs all of DRAM while it runs: the first one moves its bytes before and after."""
    stretches = check([timing(0, 0, 30, 120), timing(1, 10, 20, 80)], Fraction(8))
    assert [stretch.bytes_per_cycle for stretch in stretches] == [8, 8, 4]
    assert [stretch.operations for stretch in stretches] == [1, 1, 1]


def test_evenly_spread_bytes_give_way():
    """Spread evenly, the last one leaves too little for the two that DRAM must divide: it is divided, too."""
    timings = [timing(0, 0, 10, 60), timing(1, 5, 15, 60), timing(2, 0, 20, 80)]
    stretches = check(timings, Fraction(10))
    assert moved_bytes(stretches, 0, 15) >= 120


def test_what_is_fetched_ahead_counts_from_then_on():
    (stretch,) = check([timing(0, 10, 20, 80, prefetch=10)], Fraction(4))
    assert (stretch.start_cycle, stretch.bytes_per_cycle) == (0, 4)


def test_more_than_dram_can_move_is_an_error():
    with pytest.raises(InternalError, match="more than DRAM can"):
        dram_division([timing(0, 0, 10, 50), timing(1, 0, 10, 51)], Fraction(10))
