"""Where a step waits for room on chip, and which tensors it might better keep elsewhere."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from accelsim.program import Program
from accelsim.timing.analysis.critical_path import path_steps
from accelsim.timing.analysis.schedule_graph import schedule_graph
from accelsim.timing.timeline import Timeline


@dataclass(frozen=True)
class RoomWait:
    """``waiting`` started ``cycles`` later than it could have, for the room that ``blocking`` gave back."""

    waiting: int
    blocking: int
    cycles: int


def room_waits(program: Program, timeline: Timeline) -> list[RoomWait]:
    """Those on the critical path of a Timeline of ``program``: no other makes the step longer."""
    graph, timings = schedule_graph(program, timeline), timeline.operations
    found = []
    for before, step in pairwise(path_steps(graph)):
        if step.cause == "room":
            others = [edge.earlier for edge in graph.incoming[step.index] if edge.kind != "room"]
            otherwise = max((timings[index].end_cycle for index in others), default=0)
            found.append(RoomWait(step.index, before.index, before.end_cycle - otherwise))
    return [wait for wait in found if wait.cycles]


def to_give_up(
    program: Program, timeline: Timeline, waits: list[RoomWait], dram_bytes_per_cycle: float
) -> list[tuple[int, int]]:
    """Residents that the step may be better without: (place, tensor), those that promise most first.

    They are what an operation that waits puts down, and what the one that it waits for reads. Each promises the cycles
    waited, less those in which DRAM would move it, once out and in again for every reader.
    """
    lives = timeline.residency.lifetimes(program)
    promised: dict[tuple[int, int], float] = defaultdict(float)
    for place in range(len(timeline.residency.room_bytes)):
        kept = timeline.residency.kept_in(place)
        for wait in waits:
            for tensor in kept.intersection((*lives.made[wait.waiting], *program.operations[wait.blocking].inputs)):
                promised[place, tensor] += wait.cycles
    for place, tensor in promised:
        moves = 1 + len(lives.readers[tensor])
        promised[place, tensor] -= moves * program.tensors[tensor].bytes / dram_bytes_per_cycle
    return sorted((key for key, cycles in promised.items() if cycles > 0), key=lambda key: (-promised[key], key))
