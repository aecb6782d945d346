"""A training step planned with one way to find tiles, and its shortest schedule.

**How many arrays take part.** Operations beside each other may take longer with one array more, as any list schedule
may (Graham 1969). A machine can always leave arrays idle, so the schedule is the shortest of those on all arrays, on
one fewer, and so on down to one; of equally short ones that with the most. So more arrays never make a step longer,
whatever the Program, where each product runs on one array. A schedule on fewer arrays is given up as soon as what is
left of it can't end in time, and those on more arrays than were ever at work together are the same one.

**One after another.** With ``operation_overlap: serial`` there is nothing to search for but where tensors live
(``serial_step``).

**Where tensors live** and in which order units serve is searched for on each number of arrays (``schedule_search``).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from weakref import WeakValueDictionary

from accelsim.errors import InternalError, MisfitError
from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.timing.fit import fitting
from accelsim.timing.placed_step import PlacedStep, Run, Scheduled
from accelsim.timing.placement.residency import Placing, place_tensors
from accelsim.timing.schedule_search import ScheduleSearch
from accelsim.timing.serial_step import placed_serially, serially
from accelsim.timing.timeline import Timeline


class TiledStep:
    """The plans of all operations of ``program`` on ``hw``.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """

    def __init__(self, program: Program, hw: HardwareConfig) -> None:
        self._program = program
        self._hw = hw
        self._issued = _placed_as_issued(program, hw)

    def shortest(self, run: Run) -> Scheduled:
        """The shortest schedule found; the progress of ``run`` hears of the first one on all arrays."""
        if self._hw.serial:
            return serially(self._placed_serially, run)
        places = Places(self._program, self._hw, self._issued)
        search = ScheduleSearch(places.placed, run, self._hw.mac_array.products_at_once)
        best = _ended(search.shortest())
        for fewer in range(search.at_once - 1, 0, -1):
            on_fewer = ScheduleSearch(places.placed, replace(run, progress=None), fewer)
            best = on_fewer.shortest(best.cycles) or best
        self._issued.forget_schedules()
        return best

    def like(self, timeline: Timeline, run: Run) -> Scheduled:
        """The schedule with tensors placed, and units serving, as in ``timeline``, on as many arrays."""
        if self._hw.serial:
            return serially(self._placed_serially, run)
        places = Places(self._program, self._hw, self._issued)
        return _ended(ScheduleSearch(places.placed, run, timeline.products_at_once).like(timeline))

    @cached_property
    def _placed_serially(self) -> PlacedStep:
        return placed_serially(self._issued)


class Places:
    """The step with its tensors placed in one way or another.

    A search looks at many, and each takes memory, so those that nobody holds are forgotten.
    """

    def __init__(self, program: Program, hw: HardwareConfig, issued: PlacedStep) -> None:
        self._program, self._hw, self._issued = program, hw, issued
        self._placed = WeakValueDictionary[Placing, PlacedStep]({Placing(): issued})
        self._misfits = set[Placing]()
        self._residencies = {Placing().course: issued.residency}
        """One for each course of the step: others of that course have their tensors there from when to when it has."""

    def placed(self, placing: Placing) -> PlacedStep | None:
        """None where some operation then doesn't fit into the buffers."""
        found = self._placed.get(placing)
        if found is None and placing not in self._misfits:
            try:
                found = self._placed[placing] = self._place(placing)
            except MisfitError:
                self._misfits.add(placing)
        return found

    def _place(self, placing: Placing) -> PlacedStep:
        known = self._residencies.get(placing.course, self._issued.residency)
        residency = place_tensors(self._program, self._hw, placing, known, self._issued.spared_cycles)
        self._residencies[placing.course] = residency
        return PlacedStep(self._program, self._hw, residency, self._issued)


def _ended(found: Scheduled | None) -> Scheduled:
    if found is None:
        raise InternalError("a schedule that ends before no cycle")
    return found


def _placed_as_issued(program: Program, hw: HardwareConfig) -> PlacedStep:
    try:
        return PlacedStep(program, hw, place_tensors(program, hw))
    except MisfitError:
        # Where nothing fits, it says what the whole Program needs, not the first operation alone.
        return PlacedStep(program, hw, fitting(program, hw))
