"""A training step planned for a machine: simulated as often as wanted, without planning anew.

**How many arrays take part.** Operations beside each other may take longer with one array more, as any list schedule
may (Graham 1969). A machine can always leave arrays idle, so the schedule is the shortest of those on all arrays, on
one fewer, and so on down to one; of equally short ones that with the most. So more arrays never make a step longer,
whatever the Program, where each product runs on one array. A schedule on fewer arrays is given up as soon as what is
left of it can't end in time, and those on more arrays than were ever at work together are the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import simpy

from accelsim.errors import InternalError
from accelsim.hardware import HardwareConfig
from accelsim.program import Program, Unit
from accelsim.timing.pipelines.event_pipelines import EventPipelines
from accelsim.timing.pipelines.fast_pipelines import FastPipelines
from accelsim.timing.pipelines.memory_system import MemorySystem
from accelsim.timing.pipelines.running import Pipelines
from accelsim.timing.pipelines.stalls import StallCycles
from accelsim.timing.placement.residency import place_tensors
from accelsim.timing.plan import NOTHING, OperationPlan
from accelsim.timing.planner import Planner
from accelsim.timing.scheduling.least_left import LeastLeft
from accelsim.timing.scheduling.ordering import dependency_waits, predecessors
from accelsim.timing.scheduling.schedule import Held, Schedule
from accelsim.timing.timeline import OperationTiming, Timeline

Progress = Callable[[int, int], None]
"""Told (operations done, operations in all)."""


@dataclass(frozen=True)
class _Scheduled:
    """A schedule on so many ``arrays``, of which ``at_once`` were at work together."""

    held: Sequence[Held]
    arrays: int
    at_once: int

    @property
    def cycles(self) -> int:
        return max((held.end_cycle for held in self.held), default=0)


class PlannedStep:
    """The plans of all operations of ``program`` on ``hw``.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """

    def __init__(self, program: Program, hw: HardwareConfig) -> None:
        self.program = program
        self.hw = hw
        self._residency = place_tensors(program, hw)
        self._planner = Planner(program, hw, self._residency)
        self.plans = [self._planner.plan(operation) for operation in program.operations]
        moving = list(dict.fromkeys(plan for plan in self.plans if not plan.on_chip))
        self._loops = self._planner.loops(moving)
        self._starts = dict(zip(moving, self._loops.starts, strict=True))
        self._order = predecessors(program, self._residency.drained)

    def simulate(
        self, progress: Progress | None = None, *, untimed: frozenset[int] = frozenset(), skip: bool = True
    ) -> Timeline:
        """Time the step, as ``simulator.simulate`` says; ``progress`` hears of the schedule on all arrays."""
        plans = [NOTHING if index in untimed else plan for index, plan in enumerate(self.plans)]
        best = self._shortest(plans, progress, skip=skip)
        timings = _timings(self.program, plans, best.held, self._residency.level_names)
        return Timeline(timings, self._residency, best.arrays)

    def _shortest(self, plans: Sequence[OperationPlan], progress: Progress | None, *, skip: bool) -> _Scheduled:
        """The shortest schedule of those on all arrays and on fewer."""
        arrays = self.hw.mac_array.products_at_once
        best = self._scheduled(plans, arrays, progress, None, skip=skip)
        if best is None:
            raise InternalError("a schedule that ends before no cycle")
        for fewer in range(best.at_once - 1, 0, -1):
            best = self._scheduled(plans, fewer, None, best.cycles, skip=skip) or best
        return best

    def _scheduled(
        self, plans: Sequence[OperationPlan], arrays: int, progress: Progress | None, before: int | None, *, skip: bool
    ) -> _Scheduled | None:
        """The schedule on so many arrays; None where it doesn't end before the cycle ``before``."""
        environment = simpy.Environment()
        schedule = Schedule(
            environment,
            self.program.operations,
            self._order,
            plans,
            [self._starts.get(plan) for plan in plans],
            self._pipelines(environment, arrays, skip=skip),
            LeastLeft(self.program, plans, arrays, self._planner.dram.bytes_per_cycle),
            arrays=arrays,
            prefetch=self.hw.mac_array.prefetch,
            ended=lambda done: progress(done, len(plans)) if progress else None,
            before=before,
        )
        held = schedule.run()
        return None if held is None else _Scheduled(held, arrays, arrays - schedule.least_free[Unit.MAC_ARRAY])

    def _pipelines(self, environment: simpy.Environment, arrays: int, *, skip: bool) -> Pipelines:
        depths, prefetch = self._planner.depths, self.hw.mac_array.prefetch
        if not skip:
            return EventPipelines(environment, self._loops, depths)
        # One operation on each unit, and one more where it prefetches.
        most = (arrays + len(Unit) - 1) * (1 + prefetch)
        return FastPipelines(environment, MemorySystem(self._loops, depths, most, tells_tails=prefetch))


def _timings(
    program: Program, plans: Sequence[OperationPlan], schedule: Sequence[Held], levels: Sequence[str]
) -> list[OperationTiming]:
    waits = dependency_waits(program, [(held.ready_cycle, held.end_cycle) for held in schedule])
    return [
        OperationTiming(
            index=index,
            start_cycle=held.start_cycle,
            end_cycle=held.end_cycle,
            compute_cycles=plan.compute_cycles,
            wait_cycles=held.start_cycle - held.ready_cycle,
            dependency_cycles=dependency,
            stalls=StallCycles.of(held.stalls, plan.port_stall_cycles, plan.conversion_stall_cycles, levels),
            dram_read_bytes=plan.dram_read_bytes,
            dram_write_bytes=plan.dram_write_bytes,
            sram=plan.sram,
            tiles=plan.tiles,
        )
        for index, (plan, held, dependency) in enumerate(zip(plans, schedule, waits, strict=True))
    ]
