"""What might be served sooner: operations on the critical path that stood by while their unit took another one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from accelsim.program import Program
from accelsim.timing.analysis.critical_path import path_steps
from accelsim.timing.analysis.schedule_graph import schedule_graph
from accelsim.timing.timeline import Timeline


def waited_behind(program: Program, timeline: Timeline, ready_cycles: Sequence[int]) -> list[tuple[int, int]]:
    """Operations on the critical path that were ready when their unit took the one before: (that waited, before).

    ``ready_cycles``: from when on each had only its unit to wait for.
    """
    timings, ranks = timeline.operations, timeline.ranks
    return [
        (step.index, before.index)
        for before, step in pairwise(path_steps(schedule_graph(program, timeline)))
        if step.cause == "unit"
        and ready_cycles[step.index] <= timings[before.index].start_cycle
        and ranks[before.index] < ranks[step.index]
    ]


def overtaking(ranks: Sequence[int], index: int, other: int) -> tuple[int, ...]:
    """The same order of service, but for the operation ``index``, which now comes right before ``other``."""
    first, last = ranks[other], ranks[index]
    return tuple(first if rank == last else rank + (first <= rank < last) for rank in ranks)
