"""Formats derive everything from name, bits and signedness."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.formats import FP32, IntegerFormat, format_by_name


@pytest.mark.parametrize("bits", range(2, 65))
def test_signed_integers(bits):
    found = format_by_name(f"int{bits}")
    assert isinstance(found, IntegerFormat)
    assert (found.min_code, found.max_code) == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert found.symmetric_min_code == -found.max_code
    assert np.dtype(found.storage).itemsize * 8 >= bits
    assert np.iinfo(found.storage).max >= found.max_code


def test_unsigned_and_float():
    assert (format_by_name("uint4").min_code, format_by_name("uint4").max_code) == (0, 15)
    assert format_by_name("fp32") is FP32
    assert not FP32.is_integer


def test_packed_bytes_round_up():
    assert format_by_name("int4").bytes_for(3) == 2
    assert format_by_name("int48").bytes_for(2) == 12


@pytest.mark.parametrize(
    ("name", "hint"), [("int1", "2 to 64"), ("int65", "2 to 64"), ("int88x", "int8"), ("fp33", "fp32")]
)
def test_unknown_names_say_what_is_allowed(name, hint):
    with pytest.raises(ValueError, match=hint):
        format_by_name(name)
