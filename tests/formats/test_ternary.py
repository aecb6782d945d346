"""Ternary and binary weights: codes, scales, and the direction that they keep of Gaussian weights."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.formats.doubles import exact_mean
from accelsim.formats.ternary import BINARY, TERNARY, binary_codes, ternary_codes


def test_formats():
    assert (TERNARY.bits, TERNARY.family, TERNARY.bytes_for(9)) == (2, "ternary", 3)
    assert (BINARY.bits, BINARY.family, BINARY.bytes_for(9)) == (1, "binary", 2)
    for f in (TERNARY, BINARY):
        assert (f.storage, f.is_integer, f.min_code, f.max_code) == ("int8", True, -1, 1)


def test_on_paper():
    w = np.array([[0.5, -4.0], [1.0, -0.5]], dtype=np.float32)
    # E|w| = 1.5, so TWN's threshold is 1.05; sqrt(E w^2) = 2.0917, the other one is 1.28.
    for threshold in ("optimal", "twn"):
        codes, scale = ternary_codes(np, w, threshold)
        assert (codes.tolist(), scale) == ([[0, -1], [0, 0]], 4.0)
    codes, scale = binary_codes(np, w)
    assert (codes.tolist(), scale) == ([[1, -1], [1, -1]], 1.5)
    assert codes.dtype == np.int8


def test_zero_and_broken_tensors():
    codes, scale = ternary_codes(np, np.zeros(4))
    assert (codes.tolist(), scale) == ([0] * 4, 1.0)
    codes, scale = binary_codes(np, np.array([0.0, -0.0]))
    assert (codes.tolist(), scale) == ([1, 1], 0.0)
    for broken in (np.nan, np.inf):
        with pytest.raises(ValueError, match="finite"):
            ternary_codes(np, np.array([1.0, broken]))
        with pytest.raises(ValueError, match="finite"):
            binary_codes(np, np.array([1.0, broken]))
    with pytest.raises(ValueError, match="optimal, twn, not 'best'"):
        ternary_codes(np, np.ones(1), "best")


def _cosine(w, codes):
    return float((w * codes).sum() / np.sqrt((w * w).sum() * (codes.astype(float) ** 2).sum()))


@pytest.mark.parametrize(
    ("quantise", "mean", "std", "kept"),
    [
        (lambda w: binary_codes(np, w), 0.797907, 0.001693, 1.0),
        (lambda w: ternary_codes(np, w), 0.899957, 0.001042, math.erfc(0.612 / math.sqrt(2))),
        (lambda w: ternary_codes(np, w, "twn"), 0.899149, 0.001082, math.erfc(0.7 / math.sqrt(math.pi))),
    ],
    ids=["binary", "optimal", "twn"],
)
def test_direction_of_gaussian_weights(quantise, mean, std, kept, rng):
    """Mean and deviation of the cosine are a Monte Carlo's; the kept share is 2 Q(threshold)."""
    trials, N = 60, 16384
    weights = 0.02 * rng.standard_normal((trials, N))
    codes = [quantise(w).codes for w in weights]
    cosines = [_cosine(w, c) for w, c in zip(weights, codes, strict=True)]
    assert abs(np.mean(cosines) - mean) < 4 * std / np.sqrt(trials)
    assert 0.6 * std < np.std(cosines) < 1.5 * std
    assert abs(np.mean(np.abs(codes)) - kept) < 0.002


@given(w=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50), seed=st.integers(0, 9))
def test_order_does_not_matter(w, seed):
    w = np.array(w, dtype=np.float32)
    shuffled = np.random.default_rng(seed).permutation(w)
    assert binary_codes(np, w).scale == binary_codes(np, shuffled).scale
    assert ternary_codes(np, w).scale == ternary_codes(np, shuffled).scale


@given(x=st.lists(st.floats(0, 1e6, width=32), max_size=50))
def test_exact_mean(x):
    found = exact_mean(np, np.array(x, dtype=np.float64))
    exact = sum(map(Fraction, x)) / max(len(x), 1)
    assert abs(Fraction(found) - exact) <= Fraction(max(x, default=0.0)) / 2**50
