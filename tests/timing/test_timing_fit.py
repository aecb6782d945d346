"""What the buffers must hold at least is what planning needs."""

import re

import pytest

from accelsim.errors import MisfitError, UserError
from accelsim.timing.fit import check_fit
from accelsim.timing.placed_step import PlacedStep
from accelsim.timing.placement.residency import place_tensors
from accelsim.timing.planned_step import PlannedStep

TINY = 1


def with_capacities(edit, hw, capacities):
    for name, capacity in capacities.items():
        hw = edit(hw, f"buffers.{name}", capacity_bytes=capacity, banks=1, word_bits=64)
    return hw


def needed(text):
    """Capacities by buffer that a message says are needed."""
    return {name: int(size) for name, size in re.findall(r"buffers\.(\w+)\.capacity_bytes is .* needs (\d+) by", text)}


@pytest.mark.parametrize("tiny", [("weight",), ("output", "input"), ("input", "weight", "output")])
def test_what_is_needed_is_said_at_once_and_is_enough(case, edit, tiny):
    program, hw = case
    small = with_capacities(edit, hw, dict.fromkeys(tiny, TINY))
    with pytest.raises(UserError) as checked:
        check_fit(program, small)
    with pytest.raises(UserError, match=re.escape(str(checked.value))):
        PlannedStep(program, small)
    capacities = needed(str(checked.value))
    assert set(capacities) == set(tiny)
    enough = with_capacities(edit, small, capacities)
    check_fit(program, enough)
    PlacedStep(program, enough, place_tensors(program, enough))
    for name, capacity in capacities.items():
        short = with_capacities(edit, enough, {name: capacity - 1})
        fault = rf"buffers\.{name}\.capacity_bytes is {capacity - 1}, and .* needs {capacity} bytes"
        with pytest.raises(UserError, match=fault):
            check_fit(program, short)
        with pytest.raises(MisfitError, match=fault):
            PlacedStep(program, short, place_tensors(program, short))


def test_shipped_machines_hold_the_digits(case):
    check_fit(*case)
