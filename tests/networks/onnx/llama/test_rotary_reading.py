"""What turned queries say of rotary embeddings: the base, which channels are pairs, and whether they are any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.networks.importers.onnx.rotary import ANY_BASE, Rotation, read_rotation, turned

BASES = st.one_of(st.sampled_from([100.0, 1e4, 5e5, 1e6, 1e9]), st.integers(2, 10**6).map(float))


def turned_queries(base, halves, tokens, d, heads=2):
    """(heads, tokens, d), equal for all tokens before they are turned with float32 tables."""
    random = np.random.default_rng(0)
    rows = np.broadcast_to(random.standard_normal((heads, 1, d)), (heads, tokens, d)).astype(np.float32)
    order = Rotation(base, halves).order(1, d)
    result = np.empty_like(rows)
    result[..., order] = turned(np.ascontiguousarray(rows[..., order]), base)
    return result


@settings(max_examples=60)
@given(base=BASES, halves=st.booleans(), tokens=st.sampled_from([2, 3, 16, 300]), d=st.sampled_from([4, 6, 64, 128]))
def test_base_and_pairs_are_found(base, halves, tokens, d):
    queries = turned_queries(base, halves, tokens, d)
    found = read_rotation(queries)
    assert found is not None
    assert found.halves == halves
    assert found.base == pytest.approx(base, rel=1e-2 if tokens < 4 else 1e-3)
    again = turned_queries(found.base, halves, tokens, d)
    np.testing.assert_allclose(again, queries, atol=2e-3 * np.abs(queries).max())


@pytest.mark.parametrize("base", [100.0, 10000.0, 500000.0, 1000000.0, 12345.0])
@pytest.mark.parametrize("d", [32, 64, 128])
def test_usual_bases_are_found_exactly(base, d):
    assert read_rotation(turned_queries(base, True, 64, d)) == Rotation(base, True)


def test_heads_of_two_channels_have_any_base():
    assert read_rotation(turned_queries(77.0, True, 9, 2)) == Rotation(ANY_BASE, False)


def test_equal_queries_are_not_turned():
    assert read_rotation(np.ones((2, 5, 4), np.float32)) is None
    assert read_rotation(turned_queries(100.0, False, 1, 4)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x * np.arange(1, 10)[:, None],
        lambda x: x + np.arange(9)[:, None],
        lambda x: np.where(np.arange(8) < 4, x, x[:, :1]),
        lambda x: x[..., [1, 0, 3, 2, 5, 4, 7, 6]],
        lambda x: x * (np.arange(8) > 1),
        lambda x: x[..., :7],
    ],
)
def test_other_changes_are_refused(change):
    with pytest.raises(ValueError, match="not turned as rotary"):
        read_rotation(change(turned_queries(100.0, False, 9, 8)))
