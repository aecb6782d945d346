"""Which of several equal units each operation ran on."""

from __future__ import annotations

from accelsim.hardware import HardwareConfig
from accelsim.program import Program, Unit
from accelsim.timing.timeline import OperationTiming, Timeline


def instances_of(unit: Unit, hw: HardwareConfig) -> int:
    """How many operations a unit runs side by side; arrays that share one product count as one.

    All links of a machine work on one exchange; a machine alone has none.
    """
    if unit is Unit.LINK and hw.machines == 1:
        return 0
    return hw.mac_array.products_at_once if unit is Unit.MAC_ARRAY else 1


def assign_instances(program: Program, timeline: Timeline) -> list[int | None]:
    """For each operation the number of its unit, from 0; None for one that takes no time and holds none.

    Equal units are interchangeable, so a Timeline doesn't tell them apart. Here an operation takes the one that has
    been free longest: if it had to wait for one, that was given back in the very cycle of its start.
    """
    places: list[int | None] = [None] * len(program.operations)
    freed = {unit: [0] * (timeline.products_at_once if unit is Unit.MAC_ARRAY else 1) for unit in Unit}
    for timing in in_order(timeline):
        if timing.end_cycle > timing.start_cycle:
            ends = freed[program.operations[timing.index].unit]
            place = min(range(len(ends)), key=ends.__getitem__)
            ends[place] = timing.end_cycle
            places[timing.index] = place
    return places


def in_order(timeline: Timeline) -> list[OperationTiming]:
    """Operations as they started, each after all that it waited for.

    Those that started together are in the order by which tensors were placed: one that takes no time may give room to
    one that was issued before it.
    """
    turns, course = range(len(timeline.operations)), timeline.residency.placing.course
    turn_of = dict(zip(course.turns, turns, strict=True)) if course else turns
    return sorted(timeline.operations, key=lambda timing: (timing.start_cycle, turn_of[timing.index]))
