"""Numbers with units."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from accelsim.yamlfile import quantity
from accelsim.yamlfile import quantity as make
from accelsim.yamlfile.quantity import _COMMON, _registry


@pytest.mark.parametrize(
    ("unit", "text", "number"),
    [
        ("byte", "256 KiB", 262144),
        ("byte", "24MiB", 24 << 20),
        ("byte", " 64 ", 64),
        ("byte", "1_000 B", 1000),
        ("MHz", "0.7 GHz", 700.0),
        ("MHz", "5e2", 500.0),
        ("byte/second", "19.2 GB/s", 19.2e9),
        ("byte/second", "8 Gbit/s", 1e9),
        ("ns", "30 ns", 30.0),
        ("ns", "0.5 us", 500.0),
        ("mW", "1.5 W", 1500.0),
        ("mW", "2 kW", 2e6),
    ],
)
def test_text_becomes_a_number(unit, text, number):
    assert quantity(unit, whole=unit == "byte").convert(text) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "KiB", "1 2 KiB", "nan B", "inf", "1 KiB; import os", "9**9**9 B", "1 + 1 B", "0x10 B"]
)
def test_other_text_is_refused_at_once(text):
    with pytest.raises(PydanticCustomError):
        quantity("byte", whole=True).convert(text)


def test_what_is_no_text_passes():
    assert make("byte").convert(5) == 5
    assert make("byte").convert(None) is None


def test_the_usual_units_agree_with_pint():
    for wanted, units in _COMMON.items():
        for unit, factor in units.items():
            assert _registry().Quantity(1, unit).to(wanted).magnitude == pytest.approx(factor, rel=1e-12)
