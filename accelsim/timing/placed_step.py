"""A training step planned for one placement of its tensors, and its schedules on so many arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import simpy

from accelsim.hardware import HardwareConfig
from accelsim.program import Program, Unit
from accelsim.timing.mapping.alike import Alike
from accelsim.timing.pipelines.event_pipelines import EventPipelines
from accelsim.timing.pipelines.loops import Integers
from accelsim.timing.pipelines.stalls import LEAD_IN, LEAD_OUT, StallCycles
from accelsim.timing.placement.lifetimes import Course
from accelsim.timing.placement.residency import Residency
from accelsim.timing.placement.spared import spared_cycles
from accelsim.timing.plan import NOTHING, OperationPlan
from accelsim.timing.planner import Planner
from accelsim.timing.rows import Rows
from accelsim.timing.scheduling.fast_schedule import UNITS, FastSchedule, Work
from accelsim.timing.scheduling.held import Held
from accelsim.timing.scheduling.justified import justified
from accelsim.timing.scheduling.known_schedules import KnownSchedules
from accelsim.timing.scheduling.least_left import Asked, LeastLeft
from accelsim.timing.scheduling.ordering import dependency_waits
from accelsim.timing.scheduling.priorities import Service, priorities
from accelsim.timing.scheduling.rooms import NO_ROOM, Waits, waits_for_room
from accelsim.timing.scheduling.schedule import Schedule
from accelsim.timing.shared_by_placements import SharedByPlacements
from accelsim.timing.timeline import OperationTiming, Timeline

Progress = Callable[[int, int], None]
"""Told (operations done, operations in all)."""


@dataclass(frozen=True)
class Run:
    """How a step is simulated.

    ``untimed``: operations that take no time. ``skip``: whether what repeats itself is skipped. ``service``: what
    units, and DRAM, take first; unless ``ranks`` say it, of each operation. ``rooms``: whether operations wait for room
    on chip.
    """

    untimed: frozenset[int] = frozenset()
    skip: bool = True
    progress: Progress | None = None
    service: Service = Service.PHASES
    ranks: tuple[int, ...] = ()
    rooms: bool = True


@dataclass(frozen=True)
class Scheduled:
    """A schedule on so many ``arrays``, of which ``at_once`` were at work together; ``ranks``: which came first."""

    placed: PlacedStep
    run: Run
    ranks: tuple[int, ...]
    held: Held
    arrays: int
    at_once: int

    @property
    def cycles(self) -> int:
        return int(self.held.end_cycles.max(initial=0))

    @property
    def course(self) -> Course:
        """How it went; an operation that takes no time comes before those that wait for it."""
        turns = np.argsort(self.held.start_cycles, kind="stable")
        starts, turn_of = self.held.start_cycles[turns], np.empty_like(turns)
        turn_of[turns] = np.arange(len(turns))
        last = np.maximum(turn_of, np.searchsorted(starts, self.held.end_cycles) - 1)
        return Course(tuple(turns.tolist()), tuple(last.tolist()), (*starts.tolist(), self.cycles))

    @cached_property
    def given_cycles(self) -> Integers:
        """When what each operation needs had ended."""
        return self.placed.needed_rows.latest(self.held.end_cycles)

    def justified(self) -> tuple[int, ...]:
        """Ranks by which the step may end sooner, if operations waited as they do here.

        They depend on the arrays at work together, so that on more they are the same.
        """
        servers = np.ones(len(UNITS), np.int64)
        servers[UNITS.index(Unit.MAC_ARRAY)] = max(1, self.at_once)
        units, later = self.placed.units, self.placed.rows(self.run.rooms).inverted
        return tuple(justified(units, later, self.held.start_cycles, self.held.end_cycles, servers))

    def room_cycles(self) -> int:
        """For which operations waited for room, all together: at least what the step is longer for it."""
        return int((self.held.ready_cycles - self.given_cycles).sum())

    def timeline(self) -> Timeline:
        """What came of it."""
        return self._timeline(self.placed.timings(self))

    def outline(self) -> Timeline:
        """The same, but of operations only when they held their units."""
        cycles = zip(self.held.start_cycles.tolist(), self.held.end_cycles.tolist(), strict=True)
        return self._timeline(
            [OperationTiming(index, start, end, 0, 0, 0, 0, NOTHING.sram) for index, (start, end) in enumerate(cycles)]
        )

    def _timeline(self, timings: list[OperationTiming]) -> Timeline:
        waits = self.placed.all_waits if self.run.rooms else Waits(self.placed.needed, [NO_ROOM] * len(timings))
        tiling = self.placed.hw.mac_array.tiling
        return Timeline(timings, self.placed.residency, self.arrays, self.ranks, tiling, waits)


class PlacedStep:
    """The plans of all operations of ``program`` on ``hw``, with tensors as in ``residency``.

    ``known``: another placement of the same step, whose plans are used again where they are equal.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """

    def __init__(
        self, program: Program, hw: HardwareConfig, residency: Residency, known: PlacedStep | None = None
    ) -> None:
        self.program, self.hw, self.residency = program, hw, residency
        self._known: SharedByPlacements = (
            known._known if known else SharedByPlacements(program, residency, serial=hw.serial)
        )
        self.planner: Planner = Planner(program, hw, residency, known.planner if known else None)
        self.alike: Alike = self._known.alike
        self.places = tuple(residency.places(len(program.tensors)))
        if self.places not in self._known.plans:
            self._known.plans[self.places] = self._plans(known)
        self.plans = self._known.plans[self.places]
        self._programs = np.array([self.planner.number(plan) for plan in self.plans], np.int64)
        self._chains: dict[tuple[frozenset[int], bool], tuple[Asked, Integers]] = {}
        self.needed, self.needed_rows = self._known.needed, self._known.needed_rows
        self.all_waits = Waits(self.needed, waits_for_room(program, residency, self.needed_rows))
        self.order = [
            tuple(sorted(room.union(needed))) if room else needed for needed, room in zip(*self.all_waits, strict=True)
        ]
        """What must have ended before each operation starts: what it needs, and what gives it room on chip."""

    def _plans(self, known: PlacedStep | None) -> list[OperationPlan]:
        """Those of ``known``, but for operations that touch a tensor which lives elsewhere there."""
        operations = self.program.operations
        plans, changed = [NOTHING] * len(operations), set(range(len(operations)))
        if known:
            moved = (i for i, both in enumerate(zip(self.places, known.places, strict=True)) if both[0] != both[1])
            plans, changed = list(known.plans), {each for index in moved for each in self._known.touching[index]}
        for index in sorted(changed):
            plans[index] = self.planner.plan(operations[index], self.alike.key(index, self.places))
        return plans

    @property
    def _turns(self) -> Sequence[int]:
        """All operations, each after those that it waits for."""
        course = self.residency.placing.course
        return course.turns if course else range(len(self.plans))

    @property
    def dram_bytes_per_cycle(self) -> float:
        """At DRAM's peak."""
        return self.planner.dram.bytes_per_cycle

    @cached_property
    def spared_cycles(self) -> list[float]:
        """Of each tensor, what it spares the step on chip."""
        busy = [plan.busy_cycles for plan in self.plans]
        return spared_cycles(self.program, self.residency.drained, busy, self.dram_bytes_per_cycle)

    @property
    def waits(self) -> bool:
        """Whether some operation may have to wait for room."""
        return self.order != self.needed

    def least_cycles(self, run: Run, arrays: int) -> int:
        """Cycles of the products on so many arrays, wherever tensors live: no step takes fewer."""
        timed = zip(self.program.operations, self.timed(run), strict=True)
        return sum(plan.compute_cycles for operation, plan in timed if operation.unit is Unit.MAC_ARRAY) // arrays

    def forget_schedules(self) -> None:
        """Of all placements of the step: those that are known take memory, and are found again."""
        self._known.schedules = KnownSchedules()

    def tried(self, run: Run, arrays: int, before: int | None = None) -> tuple[Scheduled | None, int]:
        """The schedule on so many arrays, None where it doesn't end before the cycle ``before``; and how many of them
        were at work together, in one that is given up until then."""
        asked, chains = self._asked(run)
        ranks = run.ranks or tuple(priorities(run.service, self.program.operations, chains.tolist()))
        left = LeastLeft(asked, arrays, chains)
        if run.skip:
            key = self._alike(run.rooms), run.untimed, np.array(ranks, np.int32).tobytes(), arrays
            held, at_once = self._known.schedules.get(key, before, lambda: self._fast(run, ranks, left, arrays, before))
        else:
            held, at_once = self._by_events(run, ranks, left, arrays, before)
        return (None if held is None else Scheduled(self, run, ranks, held, arrays, at_once)), at_once

    def _fast(
        self, run: Run, ranks: Sequence[int], left: LeastLeft, arrays: int, before: int | None
    ) -> tuple[Held | None, int]:
        """The schedule, and how many arrays were at work together."""
        works = self._works.copy()
        works[list(run.untimed)] = 0
        work = Work(self._known.units, works, self._programs, left.asked.busy)
        schedule = FastSchedule(
            work,
            self.rows(run.rooms),
            ranks,
            self.planner.programs.loops,
            self._known.workplace(self.planner.depths, arrays, prefetch=self.hw.mac_array.prefetch),
            left,
            arrays,
            before,
        )
        found = schedule.run()
        if run.progress:
            for done in range(1, len(self.plans) + 1):
                run.progress(done, len(self.plans))
        return found

    def _by_events(
        self, run: Run, ranks: Sequence[int], left: LeastLeft, arrays: int, before: int | None
    ) -> tuple[Held | None, int]:
        environment, loops = simpy.Environment(), self.planner.programs.loops
        schedule = Schedule(
            environment,
            self.program.operations,
            self.order if run.rooms else self.needed,
            self.timed(run),
            ranks,
            [None if program < 0 else loops.starts[program] for program in self._programs.tolist()],
            EventPipelines(environment, loops, self.planner.depths),
            left,
            arrays=arrays,
            prefetch=self.hw.mac_array.prefetch,
            ended=lambda done: run.progress(done, len(self.plans)) if run.progress else None,
            before=before,
        )
        held = schedule.run()
        return held, arrays - schedule.least_free[Unit.MAC_ARRAY]

    @property
    def units(self) -> Integers:
        """The number of each operation's unit in ``UNITS``."""
        return self._known.units

    @cached_property
    def _works(self) -> Integers:
        """Whether operations do anything."""
        return np.array([bool(plan.steps.body) for plan in self.plans], np.int64)

    @cached_property
    def _order_rows(self) -> Rows:
        return Rows.of(self.order) if self.waits else self.needed_rows

    @cached_property
    def _all_asked(self) -> Asked:
        return Asked.of(self.program, self.plans, self.dram_bytes_per_cycle)

    def _alike(self, rooms: bool) -> int:
        """A number for all placements that have the same schedules."""
        return self._known.number(self.places, self._all_order if rooms else ())

    @cached_property
    def _all_order(self) -> tuple[tuple[int, ...], ...]:
        return tuple(self.order) if self.waits else ()

    def rows(self, rooms: bool) -> Rows:
        """What each operation waits for, with ``rooms`` for room, too."""
        return self._order_rows if rooms else self.needed_rows

    def _asked(self, run: Run) -> tuple[Asked, Integers]:
        """What operations ask for, and the longest chain that each begins."""
        key = run.untimed, run.rooms
        if key not in self._chains:
            asked = self._all_asked.without(run.untimed)
            self._chains[key] = asked, asked.chains(self.rows(run.rooms), self._turns)
        return self._chains[key]

    def timings(self, scheduled: Scheduled) -> list[OperationTiming]:
        """Every operation of a schedule of this step."""
        held, given = scheduled.held, scheduled.given_cycles.tolist()
        starts, ends = held.start_cycles.tolist(), held.end_cycles.tolist()
        waits = dependency_waits(self.program, list(zip(given, ends, strict=True)))
        each = zip(
            self.timed(scheduled.run),
            starts,
            ends,
            held.ready_cycles.tolist(),
            held.fetch_cycles.tolist(),
            held.stalls.tolist(),
            strict=True,
        )
        levels = self.residency.level_names
        return [
            OperationTiming(
                index=index,
                start_cycle=start,
                end_cycle=end,
                compute_cycles=plan.compute_cycles,
                wait_cycles=start - ready,
                dependency_cycles=waits[index],
                room_cycles=ready - given[index],
                prefetch_cycles=start - fetch,
                lead_in_cycles=stalls[LEAD_IN],
                lead_out_cycles=stalls[LEAD_OUT],
                stalls=StallCycles.of(stalls, plan.planned_stalls, levels),
                dram_read_bytes=plan.dram_read_bytes,
                dram_write_bytes=plan.dram_write_bytes,
                sram=plan.sram,
                tiles=plan.tiles,
                pieces=plan.steps.pieces,
            )
            for index, (plan, start, end, ready, fetch, stalls) in enumerate(each)
        ]

    def timed(self, run: Run) -> list[OperationPlan]:
        """The plans of all operations, of which some take no time."""
        return [NOTHING if index in run.untimed else plan for index, plan in enumerate(self.plans)]
