"""The page of simulation times: which ratio is of what."""

from hypothesis import given
from hypothesis import strategies as st
from timing_parts.clock import Command, Seconds
from timing_parts.page import Measured, page

STEP = {
    "operations": 1412,
    "trace": [0.03, 0.02],
    "simulate": [2.0, 0.5],
    "peak_kib": 2048,
    "events": 50.0,
    "same": True,
}


def measured(theirs, process, file, command, step=STEP):
    peer = {"seconds": theirs, "process_seconds": process, "cycles": [9, 19]}
    both = Command(command, Seconds(8.0, 4.0))
    return Measured("a machine", 64, 5, step, both, peer, file, both, [10, 20])


def row(text, start):
    return next(line for line in text.splitlines() if line.startswith(start)).split("|")


def test_each_ratio_is_of_its_own_times():
    text = page(measured(300.0, 400.0, Seconds(0.5, 0.01), Seconds(20.0, 5.0)))
    assert row(text, "| warm")[4].strip() == "30,000 x"
    assert row(text, "| the same, first call")[4].strip() == "600 x"
    assert row(text, "| whole command, loops")[4].strip() == "80 x"
    assert row(text, "| whole command, first")[4].strip() == "20 x"
    assert "2 of 2 layers: 30," in text
    assert "100 times as long, and gives the very same Timeline" in text.replace("\n", " ")


def test_a_differing_timeline_and_differing_cycles_show():
    found = measured(300.0, 400.0, Seconds(0.5, 0.01), Seconds(20.0, 5.0), {**STEP, "same": False})
    found.cycles[0] = 11
    assert "DOES NOT GIVE THE SAME" in page(found)
    assert "1 of 2 layers" in page(found)


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=9))
def test_later_calls_leave_out_the_first(seconds):
    found = Seconds.of(seconds)
    later = sorted(seconds[1:] or seconds)
    assert found.first == seconds[0]
    assert later[0] <= found.later <= later[-1]
