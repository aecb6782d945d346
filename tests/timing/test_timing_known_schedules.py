"""Schedules that are kept are those that a run would give, and a search is the same without them."""

from pathlib import Path

import numpy as np
import pytest

from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.timing import simulate
from accelsim.timing.mapping import lane_plan as lanes
from accelsim.timing.scheduling.held import Held
from accelsim.timing.scheduling.known_schedules import KnownSchedules

ROOT = Path(__file__).parents[2]


class Runs:
    """A schedule of ten cycles, and how often it was asked for."""

    def __init__(self):
        self.count = 0
        self.known = KnownSchedules()

    def get(self, before):
        def run():
            self.count += 1
            ends = np.array([3, 10])
            in_time = before is None or before > 10
            return (Held.of(ends, ends, ends, ends, ends) if in_time else None), 2

        return self.known.get("step", before, run)


def test_a_whole_schedule_is_run_once():
    runs = Runs()
    found = [runs.get(before)[0] for before in (None, 11, 10, 1, None)]
    assert [held is not None for held in found] == [True, True, False, False, True]
    assert runs.count == 1


def test_one_that_was_given_up_is_run_again_where_more_time_is_left():
    runs = Runs()
    found = [runs.get(before)[0] for before in (5, 5, 4, 7, 7, 12, 3)]
    assert [held is not None for held in found] == [False, False, False, False, False, True, False]
    assert runs.count == 3


@pytest.fixture
def program():
    def trace(hw, name):
        return load_workload(ROOT / "workloads" / f"{name}.yaml").trace(hw.recipe()).program

    return trace


def test_a_search_finds_the_same_without_known_schedules(program, monkeypatch):
    hw = load_hwconfig(ROOT / "hwconfigs" / "tpu_v4i.yaml")
    step = program(hw, "cifar10_resnet20")
    known = simulate(step, hw)
    monkeypatch.setattr(KnownSchedules, "get", lambda self, key, before, run: run())
    assert simulate(step, hw) == known


@pytest.mark.parametrize("name", ["int8_range_bn", "tpu_v4i", "mxfp8"])
def test_tiles_that_are_not_looked_at_are_never_the_best(program, monkeypatch, name):
    """With a limit from the smallest tile, nearly all are looked at."""
    hw = load_hwconfig(ROOT / "hwconfigs" / f"{name}.yaml")
    step = program(hw, "cifar10_resnet20")
    limited = simulate(step, hw)
    monkeypatch.setattr(lanes, "USUAL_PIECES", 1 << 40)
    assert simulate(step, hw) == limited
