"""Bordered images of the compiled kernels against NumPy's padding."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.compiled.border import bordered

WORKERS = CompiledKernels(2, grain=64).workers
KINDS = {"int8": [("uint8", 4, 128), ("int16", 2, 0)], "int16": [("int16", 2, 0)]}
"""For each type of code: what the image is stored as, how many terms a step takes, and what zero is raised by."""


@settings(deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 9)),
    borders=st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2),
    kind=st.sampled_from([(codes, *made) for codes, each in KINDS.items() for made in each]),
    seed=st.integers(0, 99),
)
def test_images_are_padded_and_raised(shape, borders, kind, seed):
    codes, storage, terms, zero = kind
    limits = np.iinfo(codes)
    x = np.random.Generator(np.random.PCG64(seed)).integers(limits.min, limits.max + 1, shape).astype(codes)
    found = bordered(WORKERS, x, borders, terms, storage, zero)
    filled = (0, -shape[3] % terms)
    expected = np.pad(x.astype(np.int64) + zero, ((0, 0), *borders, filled), constant_values=zero)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == storage
