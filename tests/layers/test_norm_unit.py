"""The norm unit of a hwconfig: what it hands to the recipe, and fields that its other fields leave without use."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from accelsim.formats import FP32, NormRule
from accelsim.hardware import NormUnit


def test_the_rule_has_every_field():
    unit = NormUnit(
        lanes=4,
        spread="range",
        chunks=16,
        constant="code",
        epsilon=1e-3,
        epsilon_place="outside",
        running_average="inverse",
    )
    assert unit.rule(FP32) == NormRule("range", 16, "code", FP32, 1e-3, "outside", "inverse")
    assert NormUnit(lanes=1, spread="l1").rule(FP32) == NormRule("l1", 1, "paper", FP32)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"spread": "l1", "chunks": 4}, "found 4, but it belongs to spread 'range'"),
        ({"spread": "deviation", "constant": "code"}, "found 'code', but it belongs to spread 'range'"),
        ({"spread": "range", "epsilon": 0.1}, "found 0.1, but it belongs to epsilon_place 'inside' or 'outside'"),
        ({"spread": "range", "epsilon": 0.1, "epsilon_place": "none"}, "found 0.1, but it belongs to epsilon_place"),
        ({"spread": "l2"}, "'range', 'deviation' or 'l1'"),
    ],
)
def test_fields_without_use_are_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        NormUnit(lanes=1, **fields)
