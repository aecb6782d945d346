"""Integer shares lose nothing."""

import math
import operator
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accelsim.timing.mapping.shares import Cut, places, split_by_weight

COUNTS = st.integers(1, 200)
TOTALS = st.integers(0, 10**9)


@given(TOTALS, st.lists(st.integers(0, 50), min_size=1).filter(any))
def test_weighted_split_is_exact(total, weights):
    parts = split_by_weight(total, weights)
    assert sum(parts) == total
    assert all(not part for part, weight in zip(parts, weights, strict=True) if not weight)


@given(TOTALS, COUNTS, COUNTS)
def test_shares_of_a_cut_are_exact(total, length, tile):
    cut = Cut(length, min(tile, length))
    whole, last = cut.share(total, last=False), cut.share(total, last=True)
    assert (cut.count - 1) * whole + last == total
    assert (cut.count - 1) * cut.tile + cut.tile_length(last=True) == length
    assert 0 < cut.tile_length(last=True) <= cut.tile
    assert 0 <= last <= whole + cut.count


@given(COUNTS)
def test_places_are_all_tiles(count):
    found = places(count)
    assert sum(place.times for place in found) == count
    assert [place.first for place in found].count(True) == [place.last for place in found].count(True) == 1


@given(length=st.integers(1, 400), tile=st.integers(1, 400), total=st.integers(0, 10_000), more=st.integers(0, 500))
def test_parts_of_more_are_no_less(length, tile, total, more):
    """By either way of rounding that is meant for that; what is spread is all there, and evenly."""
    cut = Cut(length, min(tile, length))
    spread, spread_more = ([cut.spread(each, i) for i in range(cut.count)] for each in (total, total + more))
    assert sum(spread) == total
    assert all(map(operator.le, spread, spread_more))
    assert max(spread[:-1], default=0) - min(spread[:-1], default=0) <= 1
    assert len(set(spread[: cut.left_over(total)])) <= 1
    assert len(set(spread[cut.left_over(total) : -1])) <= 1
    for last in (False, True):
        assert cut.even(total, last) <= cut.even(total + more, last)
        assert cut.even(total, last) == math.ceil(Fraction(total * cut.tile_length(last), length))
    assert (cut.count - 1) * cut.even(total, False) + cut.even(total, True) >= total


@given(length=st.integers(1, 400), tiles=st.lists(st.integers(1, 400), min_size=1), total=TOTALS)
def test_many_cuts_are_what_each_of_them_is(length, tiles, total):
    cuts = [Cut(length, min(tile, length)) for tile in tiles]
    many = Cut(length, np.array([cut.tile for cut in cuts]))
    assert many.count.tolist() == [cut.count for cut in cuts]
    for last in (False, True):
        for part in ("share", "even"):
            assert getattr(many, part)(total, last).tolist() == [getattr(cut, part)(total, last) for cut in cuts]
