"""Integer splits lose nothing."""

from hypothesis import given
from hypothesis import strategies as st

from accelsim.timing.stream import PIPELINE_TILES, Stream, pipeline_tiles, split, split_by_weight

COUNTS = st.integers(1, 200)
TOTALS = st.integers(0, 10**9)


@given(TOTALS, COUNTS)
def test_split_is_exact_and_even(total, pieces):
    parts = split(total, pieces)
    assert len(parts) == pieces
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1


@given(TOTALS, st.lists(st.integers(0, 50), min_size=1).filter(any))
def test_weighted_split_is_exact(total, weights):
    parts = split_by_weight(total, weights)
    assert sum(parts) == total
    assert all(not part for part, weight in zip(parts, weights, strict=True) if not weight)


@given(TOTALS, COUNTS, COUNTS)
def test_loads_come_before_stores(total, chunks, pieces):
    stream = Stream(total, chunks)
    loads, stores = stream.loads(pieces), stream.stores(pieces)
    assert sum(loads) == sum(stores) == total
    assert all(sum(loads[:i]) >= sum(stores[:i]) for i in range(pieces))


def test_one_chunk_is_loaded_first_and_stored_last():
    assert Stream(100, 1).loads(4) == [100, 0, 0, 0]
    assert Stream(100, 1).stores(4) == [0, 0, 0, 100]


def test_small_operations_are_not_cut_for_overlap():
    assert pipeline_tiles(0) == pipeline_tiles(5000) == 1
    assert pipeline_tiles(10**9) == PIPELINE_TILES
