"""A schedule as a graph: what each operation waited for, and how late it could have ended.

Three kinds of edge lead to an operation: from those whose results it needs, from those that give it room on chip, and
from the one that held its unit before it. With durations and the units' order of service as recorded, the graph gives
the recorded schedule back exactly (``replayed``); with other durations, the schedule that they would give. That DRAM
would then be shared differently isn't in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, overload

from accelsim.program import Program
from accelsim.timing.analysis.instances import assign_instances, in_order
from accelsim.timing.rows import Rows
from accelsim.timing.scheduling.ordering import predecessors
from accelsim.timing.scheduling.rooms import Waits, waits_for_room
from accelsim.timing.timeline import Timeline

Kind = Literal["dependency", "room", "unit"]


class Edge(NamedTuple):
    """``earlier`` ends before ``later`` starts; ``dependency``: it is needed, ``room``: it gives back what it read,
    ``unit``: it held the same unit."""

    earlier: int
    later: int
    kind: Kind


@dataclass(frozen=True)
class ScheduleGraph:
    """Edges by the operation that they lead to, dependencies first; ``order`` is an order that all edges follow."""

    timeline: Timeline
    incoming: Sequence[Sequence[Edge]]
    order: Sequence[int]

    def durations(self) -> list[int]:
        """Cycles of each operation, as recorded."""
        return [timing.end_cycle - timing.start_cycle for timing in self.timeline.operations]

    def gap_cycles(self, index: int) -> int:
        """Cycles between the last thing that an operation waited for and its start."""
        ends = (self.timeline.operations[edge.earlier].end_cycle for edge in self.incoming[index])
        return self.timeline.operations[index].start_cycle - max(ends, default=0)

    def replayed(self, durations: Sequence[int]) -> list[int]:
        """End cycle of each operation if they took ``durations``, every one as early as its edges allow."""
        ends = [0] * len(durations)
        for index in self.order:
            ready = max((ends[edge.earlier] for edge in self.incoming[index]), default=0)
            ends[index] = ready + self.gap_cycles(index) + durations[index]
        return ends

    def latest_ends(self) -> list[int]:
        """Latest cycle in which each operation could end without moving the end of the step."""
        latest, durations = [self.timeline.total_cycles] * len(self.incoming), self.durations()
        for index in reversed(self.order):
            start = latest[index] - durations[index] - self.gap_cycles(index)
            for edge in self.incoming[index]:
                latest[edge.earlier] = min(latest[edge.earlier], start)
        return latest


def schedule_graph(program: Program, timeline: Timeline) -> ScheduleGraph:
    """The graph of a Timeline of ``program``."""
    last: dict[tuple[str, int], int] = {}
    before: dict[int, int] = {}
    served = [timing.index for timing in in_order(timeline)]
    places = assign_instances(program, timeline)
    for index in served:
        place = places[index]
        if place is not None:
            unit = program.operations[index].unit, place
            if unit in last:
                before[index] = last[unit]
            last[unit] = index
    return ScheduleGraph(timeline, _Incoming(timeline.waits or _waits(program, timeline), before), served)


class _Incoming(Sequence[Sequence[Edge]]):
    """Edges to each operation, made when they are asked for: a critical path passes few operations.

    ``before``: of operations that held a unit after another one, that other one.
    """

    def __init__(self, waits: Waits, before: Mapping[int, int]) -> None:
        self._waits, self._before = waits, before
        self._edges: dict[int, list[Edge]] = {}

    def __len__(self) -> int:
        return len(self._waits.needed)

    @overload
    def __getitem__(self, index: int) -> list[Edge]: ...

    @overload
    def __getitem__(self, index: slice) -> list[list[Edge]]: ...

    def __getitem__(self, index: int | slice) -> list[Edge] | list[list[Edge]]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        at = range(len(self))[index]
        if at not in self._edges:
            needed, rooms = self._waits.needed[at], self._waits.rooms[at]
            self._edges[at] = [Edge(i, at, "dependency") for i in needed]
            self._edges[at] += [Edge(i, at, "room") for i in sorted(rooms.difference(needed))]
            self._edges[at] += [Edge(self._before[at], at, "unit")] if at in self._before else []
        return self._edges[at]


def _waits(program: Program, timeline: Timeline) -> Waits:
    needed = predecessors(program, timeline.residency.drained)
    return Waits(needed, waits_for_room(program, timeline.residency, Rows.of(needed)))
