"""Justification: a known schedule pushed to its end is a schedule, and its order of late starts is followed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing.placed_step import PlacedStep, Run
from accelsim.timing.placement.residency import place_tensors
from accelsim.timing.planned_step import PlannedStep
from accelsim.timing.rows import Rows
from accelsim.timing.scheduling.justified import justified, late_starts

BYTES = integer(8)
UNITS = (Unit.MAC_ARRAY, Unit.VECTOR, Unit.QUANTISE)


@st.composite
def schedules(draw):
    """Operations, what each waits for, when each ran in some list schedule, and the number of arrays."""
    arrays, count = draw(st.integers(1, 3)), draw(st.integers(1, 20))
    units = draw(st.lists(st.sampled_from(UNITS), min_size=count, max_size=count))
    lasts = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    order = [tuple(draw(st.sets(st.integers(0, i - 1), max_size=3))) if i else () for i in range(count)]
    free = {unit: [0] * (arrays if unit is Unit.MAC_ARRAY else 1) for unit in UNITS}
    cycles: list[tuple[int, int]] = []
    for unit, last, needed in zip(units, lasts, order, strict=True):
        start = max((cycles[earlier][1] for earlier in needed), default=0)
        if last:
            server = min(range(len(free[unit])), key=free[unit].__getitem__)
            start = max(start, free[unit][server])
            free[unit][server] = start + last
        cycles.append((start, start + last))
    operations = [Operation(i, "op", unit, "l", Phase.FORWARD, (), ()) for i, unit in enumerate(units)]
    return operations, order, cycles, arrays


def as_arrays(case):
    """Units, what waits for each operation, starts, ends, and how many there are of each unit."""
    operations, order, cycles, arrays = case
    starts, ends = (np.array(each) for each in zip(*cycles, strict=True))
    units = np.array([UNITS.index(operation.unit) for operation in operations])
    return units, Rows.of(order).inverted, starts, ends, np.array([arrays, 1, 1])


@given(case=schedules())
def test_what_is_pushed_to_the_end_is_a_schedule_of_the_same_step(case):
    """Nothing starts before what it waits for or earlier than it did, and no unit does more than it can."""
    operations, order, cycles, arrays = case
    late = late_starts(*as_arrays(case)).tolist()
    lasts = [ended - started for started, ended in cycles]
    for index, needed in enumerate(order):
        assert cycles[index][0] <= late[index]
        assert all(late[earlier] + lasts[earlier] <= late[index] for earlier in needed)
        assert late[index] + lasts[index] <= max(ended for _, ended in cycles)
    for unit in UNITS:
        mine = [i for i, operation in enumerate(operations) if operation.unit is unit and lasts[i]]
        for cycle in {late[i] for i in mine}:
            at_work = sum(late[i] <= cycle < late[i] + lasts[i] for i in mine)
            assert at_work <= (arrays if unit is Unit.MAC_ARRAY else 1)


@given(case=schedules())
def test_ranks_are_distinct_and_by_late_start(case):
    operations, *_ = case
    ranks, late = justified(*as_arrays(case)), late_starts(*as_arrays(case)).tolist()
    assert sorted(ranks) == list(range(len(operations)))
    by_rank = sorted(range(len(operations)), key=ranks.__getitem__)
    assert [late[index] for index in by_rank] == sorted(late)


def _tensor(index, side):
    return TensorSpec(index, f"t{index}", (side, side), BYTES, Role.INTERNAL)


def test_dram_serves_what_the_step_hangs_on_first(load, edit, plain_dram):
    """By phases the serial path's, which nothing waits for; the weight gradient's result is worked on for long."""
    hw = plain_dram(edit(load("int8_range_bn"), "mac_array", count=1), 1.0)
    operations = [
        Operation(0, "op", Unit.VECTOR, "l", Phase.DATA_GRADIENT, (0,), (1,), (), Work(64 * 64, 0, 1, BYTES)),
        Operation(1, "op", Unit.NORM, "l", Phase.WEIGHT_GRADIENT, (2,), (3,), (), Work(64 * 64, 0, 1, BYTES)),
        Operation(2, "op", Unit.QUANTISE, "l", Phase.WEIGHT_GRADIENT, (3,), (4,), (), Work(64 * 9000, 0, 1, BYTES)),
    ]
    program = Program([_tensor(i, 64) for i in range(5)], operations)
    placed = PlacedStep(program, hw, place_tensors(program, hw))
    greedy = placed.tried(Run(), 1)[0]
    ranks = greedy.justified()
    assert (greedy.ranks[:2], ranks[:2]) == ((0, 1), (2, 0))
    better = placed.tried(Run(ranks=ranks), 1)[0]
    assert better.cycles < 0.99 * greedy.cycles
    found = PlannedStep(program, hw).simulate()
    assert found.total_cycles == better.cycles
    assert PlannedStep(program, hw).simulate(like=found) == found
