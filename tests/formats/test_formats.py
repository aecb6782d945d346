"""Formats derive everything from name, bits and signedness."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.formats import FP32, IntegerFormat, format_by_name
from accelsim.formats.registry import NAMED


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


NAMES = [*NAMED, "int8", "uint4", "bfp8_b16", "int8_b64"]


@pytest.mark.parametrize("name", NAMES)
def test_names_find_their_format(name):
    found = format_by_name(name)
    assert (found.name, str(found)) == (name, name)
    assert found == format_by_name(name)
    assert hash(found) == hash(format_by_name(name))
    assert found.family in ("integer", "float", "block", "flexpoint", "ternary", "binary")
    assert np.dtype(found.storage).itemsize * 8 >= found.bits
    assert found.bits <= found.bits_per_element < found.bits + 1, "a scale costs less than a bit an element"
    assert found.bytes_for(3200) == 400 * found.bits_per_element


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        *(("fp8e4m3", "fp8_e4m3"), ("fp8", "fp8_e4m3"), ("mxfp8", "mxfp8_e4m3"), ("fp4", "fp4_e2m1")),
        *(("bf17", "bf16"), ("flex16", "flex16.5"), ("ternry", "ternary")),
    ],
)
def test_unknown_names_list_the_families(name, hint):
    with pytest.raises(ValueError, match=f"did you mean '{hint}") as caught:
        format_by_name(name)
    for family in (
        "intN",
        "uintN",
        "fp32",
        "fp4_e2m1",
        "mxint8",
        "bfpN_bM",
        "intN_bM",
        "flex16+5",
        "ternary or binary",
    ):
        assert family in str(caught.value)
