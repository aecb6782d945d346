"""Shifts of any length with one rounding, against plain Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accelsim.datapath.kernels.shift import shifted
from accelsim.datapath.reference_update import shift_and_round
from accelsim.formats import Rounding
from accelsim.formats.reference import shift_right

WORD = st.integers(-(2**62) + 1, 2**62 - 1)
EDGE = [-(2**62) + 1, -(2**61), -3, -1, 0, 1, 3, 2**61, 2**62 - 1]


@settings(deadline=None, max_examples=150)
@given(x=st.lists(WORD, max_size=6), shift=st.integers(-80, 140), bits=st.integers(1, 16), data=st.data())
@example(x=[], shift=63, bits=16, data=None)
@example(x=[], shift=-61, bits=16, data=None)
@pytest.mark.parametrize("rounding", list(Rounding))
def test_shift(rounding, x, shift, bits, data):
    words = EDGE + x
    random = [data.draw(st.integers(0, (1 << bits) - 1)) if data else 0 for _ in words]
    found = shifted(np, np.array(words, dtype=np.int64), shift, rounding, np.array(random), bits)
    mode = "nearest_away" if rounding is Rounding.NEAREST else str(rounding)
    expected = [
        shift_and_round(word, shift, lambda v, s, r=r: shift_right(v, s, mode, r, bits))
        for word, r in zip(words, random, strict=True)
    ]
    assert found.tolist() == expected
