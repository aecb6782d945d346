"""What the length of a step hangs on: its critical path, and the slack of everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from accelsim.program import Program
from accelsim.timing.analysis.schedule_graph import ScheduleGraph, schedule_graph
from accelsim.timing.timeline import Timeline

Cause = Literal["start", "dependency", "room", "unit"]


@dataclass(frozen=True)
class PathStep:
    """An operation on the critical path, from ``start_cycle`` to ``end_cycle``.

    It started when the step before it ended, plus ``gap_cycles``. ``cause``: it needed that step's result
    (``dependency``), the room on chip of what that step read (``room``), or its unit (``unit``); the first one waited
    for nothing (``start``).
    """

    index: int
    start_cycle: int
    end_cycle: int
    cause: Cause
    gap_cycles: int


@dataclass(frozen=True)
class CriticalPath:
    """``steps`` from cycle 0 to the end of the training step, and the slack of every operation in issue order.

    Slack: cycles by which an operation alone could end later without moving the end of the training step, with the
    other operations' durations and every unit's order of service as recorded.
    """

    steps: tuple[PathStep, ...]
    slack_cycles: tuple[int, ...]

    @property
    def cycles_by_operation(self) -> dict[int, int]:
        """Cycles of the path that each of its operations accounts for."""
        return {step.index: step.end_cycle - step.start_cycle for step in self.steps}

    def is_critical(self, index: int) -> bool:
        """True where any delay of the operation moves the end of the training step."""
        return self.slack_cycles[index] == 0


def critical_path(program: Program, timeline: Timeline) -> CriticalPath:
    """Find the chain of operations whose durations add up to the whole step, and all slacks.

    Where several chains do, dependencies are followed before units, then the operation issued first.
    """
    return critical_path_of(schedule_graph(program, timeline))


def critical_path_of(graph: ScheduleGraph) -> CriticalPath:
    """The same, where the graph is at hand."""
    timeline = graph.timeline
    ends = (timing.end_cycle for timing in timeline.operations)
    slack = tuple(latest - end for latest, end in zip(graph.latest_ends(), ends, strict=True))
    return CriticalPath(path_steps(graph), slack)


def path_steps(graph: ScheduleGraph) -> tuple[PathStep, ...]:
    """The chain, walked back from the operation that ends last."""
    timings = graph.timeline.operations
    index = max(graph.order, key=lambda i: (timings[i].end_cycle, -i), default=None)
    found: list[PathStep] = []
    while index is not None:
        timing, gap = timings[index], graph.gap_cycles(index)
        ready = timing.start_cycle - gap
        cause = next((edge for edge in graph.incoming[index] if timings[edge.earlier].end_cycle == ready), None)
        kind: Cause = cause.kind if cause else "start"
        found.append(PathStep(index, timing.start_cycle, timing.end_cycle, kind, gap))
        index = cause.earlier if cause else None
    return tuple(reversed(found))
