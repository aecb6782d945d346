"""A training step planned for one placement of its tensors, and its schedules on so many arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import simpy

from accelsim.hardware import HardwareConfig
from accelsim.program import Program, Unit
from accelsim.timing.pipelines.event_pipelines import EventPipelines
from accelsim.timing.pipelines.fast_pipelines import FastPipelines
from accelsim.timing.pipelines.memory_system import MemorySystem
from accelsim.timing.pipelines.running import Pipelines
from accelsim.timing.pipelines.stalls import LEAD_IN, LEAD_OUT, StallCycles
from accelsim.timing.placement.epilogues import touched_tensors
from accelsim.timing.placement.residency import Residency
from accelsim.timing.plan import NOTHING, OperationPlan
from accelsim.timing.planner import Planner
from accelsim.timing.scheduling.least_left import LeastLeft
from accelsim.timing.scheduling.ordering import dependency_waits, predecessors
from accelsim.timing.scheduling.priorities import Service, priorities
from accelsim.timing.scheduling.rooms import waits_for_room
from accelsim.timing.scheduling.schedule import Held, Schedule
from accelsim.timing.timeline import OperationTiming, Timeline

Progress = Callable[[int, int], None]
"""Told (operations done, operations in all)."""


@dataclass(frozen=True)
class Run:
    """How a step is simulated.

    ``untimed``: operations that take no time. ``skip``: whether what repeats itself is skipped. ``in_turn``: units that
    take operations as they were issued, whatever else is ready; tensors must then be placed in that order, too.
    ``service``: what other units, and DRAM, take first.
    """

    untimed: frozenset[int] = frozenset()
    skip: bool = True
    progress: Progress | None = None
    in_turn: frozenset[Unit] = frozenset()
    service: Service = Service.PHASES


@dataclass(frozen=True)
class Scheduled:
    """A schedule on so many ``arrays``, of which ``at_once`` were at work together."""

    placed: PlacedStep
    run: Run
    held: list[Held]
    arrays: int
    at_once: int

    @property
    def cycles(self) -> int:
        return max((held.end_cycle for held in self.held), default=0)

    @property
    def turns(self) -> tuple[int, ...]:
        """Operations in the order in which they started; one that takes no time before those that wait for it."""
        return tuple(sorted(range(len(self.held)), key=lambda i: (self.held[i].start_cycle, i)))

    @cached_property
    def given_cycles(self) -> list[int]:
        """When what each operation needs had ended."""
        ends = [held.end_cycle for held in self.held]
        return [max((ends[earlier] for earlier in needed), default=0) for needed in self.placed.needed]

    def room_cycles(self) -> int:
        """For which operations waited for room, all together: at least what the step is longer for it."""
        return sum(held.ready_cycle - given for held, given in zip(self.held, self.given_cycles, strict=True))

    def timeline(self) -> Timeline:
        """What came of it."""
        return Timeline(
            self.placed.timings(self), self.placed.residency, self.arrays, self.run.in_turn, self.run.service
        )


class PlacedStep:
    """The plans of all operations of ``program`` on ``hw``, with tensors as in ``residency``.

    ``known``: another placement of the same step, whose plans are used again where they are equal.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """

    _touched: Sequence[frozenset[int]]

    def __init__(
        self, program: Program, hw: HardwareConfig, residency: Residency, known: PlacedStep | None = None
    ) -> None:
        self.program, self.hw, self.residency = program, hw, residency
        self._planner: Planner = Planner(program, hw, residency, known._planner if known else None)
        self._touched = known._touched if known else touched_tensors(program, residency.drained)
        self.plans = self._plans(known)
        moving = list(dict.fromkeys(plan for plan in self.plans if not plan.on_chip))
        self._loops = self._planner.loops(moving)
        self._starts = dict(zip(moving, self._loops.starts, strict=True))
        self.needed = predecessors(program, residency.drained)
        waits = waits_for_room(program, residency, self.needed)
        self._order = [tuple(sorted(room.union(needed))) for needed, room in zip(self.needed, waits, strict=True)]

    def _plans(self, known: PlacedStep | None) -> list[OperationPlan]:
        """Those of ``known``, but for operations that touch a tensor which lives elsewhere there."""
        operations = self.program.operations
        if not known:
            return [self._planner.plan(operation) for operation in operations]
        here, there = self.residency.place, known.residency.place
        moved = {tensor.index for tensor in self.program.tensors if here(tensor.index) != there(tensor.index)}
        return [
            plan if moved.isdisjoint(touched) else self._planner.plan(operation)
            for plan, touched, operation in zip(known.plans, self._touched, operations, strict=True)
        ]

    @property
    def _turns(self) -> Sequence[int]:
        """All operations, each after those that it waits for."""
        return self.residency.turns or range(len(self.plans))

    @property
    def dram_bytes_per_cycle(self) -> float:
        """At DRAM's peak."""
        return self._planner.dram.bytes_per_cycle

    @property
    def waits(self) -> bool:
        """Whether some operation may have to wait for room."""
        return self._order != self.needed

    def schedule(self, run: Run, arrays: int, before: int | None = None, *, rooms: bool = True) -> Scheduled | None:
        """The schedule on so many arrays; None where it doesn't end before the cycle ``before``.

        ``rooms``: whether operations wait for room on chip.
        """
        environment, plans, order = simpy.Environment(), self._timed(run), self._order if rooms else self.needed
        left = LeastLeft(self.program, plans, arrays, self.dram_bytes_per_cycle, order, self._turns)
        schedule = Schedule(
            environment,
            self.program.operations,
            order,
            plans,
            priorities(run.service, self.program.operations, left.chains),
            [self._starts.get(plan) for plan in plans],
            self._pipelines(environment, arrays, skip=run.skip),
            left,
            arrays=arrays,
            prefetch=self.hw.mac_array.prefetch,
            in_turn=run.in_turn,
            ended=lambda done: run.progress(done, len(plans)) if run.progress else None,
            before=before,
        )
        held = schedule.run()
        at_once = arrays - schedule.least_free[Unit.MAC_ARRAY]
        return None if held is None else Scheduled(self, run, held, arrays, at_once)

    def timings(self, scheduled: Scheduled) -> list[OperationTiming]:
        """Every operation of a schedule of this step."""
        given = scheduled.given_cycles
        ends = [held.end_cycle for held in scheduled.held]
        waits = dependency_waits(self.program, list(zip(given, ends, strict=True)))
        levels = self.residency.level_names
        return [
            OperationTiming(
                index=index,
                start_cycle=held.start_cycle,
                end_cycle=held.end_cycle,
                compute_cycles=plan.compute_cycles,
                wait_cycles=held.start_cycle - held.ready_cycle,
                dependency_cycles=waits[index],
                room_cycles=held.ready_cycle - given[index],
                prefetch_cycles=held.start_cycle - held.fetch_cycle,
                lead_in_cycles=held.stalls[LEAD_IN],
                lead_out_cycles=held.stalls[LEAD_OUT],
                stalls=StallCycles.of(held.stalls, plan.planned_stalls, levels),
                dram_read_bytes=plan.dram_read_bytes,
                dram_write_bytes=plan.dram_write_bytes,
                sram=plan.sram,
                tiles=plan.tiles,
                pieces=plan.steps.pieces,
            )
            for index, (plan, held) in enumerate(zip(self._timed(scheduled.run), scheduled.held, strict=True))
        ]

    def _timed(self, run: Run) -> list[OperationPlan]:
        return [NOTHING if index in run.untimed else plan for index, plan in enumerate(self.plans)]

    def _pipelines(self, environment: simpy.Environment, arrays: int, *, skip: bool) -> Pipelines:
        depths, prefetch = self._planner.depths, self.hw.mac_array.prefetch
        if not skip:
            return EventPipelines(environment, self._loops, depths)
        # One operation on each unit, and one more where it prefetches.
        most = (arrays + len(Unit) - 1) * (1 + prefetch)
        return FastPipelines(environment, MemorySystem(self._loops, depths, most, tells_tails=prefetch))
