"""A training step planned for a machine: simulated as often as wanted, without planning anew.

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

from accelsim.errors import InternalError, MisfitError
from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.timing.fit import fitting
from accelsim.timing.placed_step import PlacedStep, Progress, Run, Scheduled
from accelsim.timing.placement.residency import Placing, place_tensors
from accelsim.timing.plan import OperationPlan
from accelsim.timing.schedule_search import ScheduleSearch
from accelsim.timing.serial_step import placed_serially, serially
from accelsim.timing.timeline import Timeline

__all__ = ["PlannedStep", "Progress"]


class PlannedStep:
    """The plans of all operations of ``program`` on ``hw``.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """

    def __init__(self, program: Program, hw: HardwareConfig) -> None:
        self.program = program
        self.hw = hw
        self._issued = _placed_as_issued(program, hw)
        self._placed: dict[Placing, PlacedStep | None] = {Placing(): self._issued}
        self._residencies = {Placing().course: self._issued.residency}
        """One for each course of the step: others of that course have their tensors there from when to when it has."""

    @property
    def plans(self) -> list[OperationPlan]:
        """Of each operation, with tensors placed in issue order."""
        return self._issued.plans

    def simulate(
        self,
        progress: Progress | None = None,
        *,
        untimed: frozenset[int] = frozenset(),
        skip: bool = True,
        like: Timeline | None = None,
    ) -> Timeline:
        """Time the step, as ``simulator.simulate`` says; ``progress`` hears of the first schedule on all arrays.

        ``like``: an earlier simulation of this step; tensors are placed, and units serve, as they did there, on as many
        arrays.
        """
        run = Run(untimed, skip, progress)
        if self.hw.serial:
            return serially(self._placed_serially, run).timeline()
        if like:
            return _ended(ScheduleSearch(self._place, run, like.products_at_once).like(like)).timeline()
        search = ScheduleSearch(self._place, run, self.hw.mac_array.products_at_once)
        best = _ended(search.shortest())
        for fewer in range(search.at_once - 1, 0, -1):
            on_fewer = ScheduleSearch(self._place, replace(run, progress=None), fewer)
            best = on_fewer.shortest(best.cycles) or best
        return best.timeline()

    @cached_property
    def _placed_serially(self) -> PlacedStep:
        return placed_serially(self._issued)

    def _place(self, placing: Placing) -> PlacedStep | None:
        if placing not in self._placed:
            known = self._residencies.get(placing.course, self._issued.residency)
            residency = place_tensors(self.program, self.hw, placing, known, self._issued.spared_cycles)
            self._residencies[placing.course] = residency
            try:
                self._placed[placing] = PlacedStep(self.program, self.hw, residency, self._issued)
            except MisfitError:
                self._placed[placing] = None
        return self._placed[placing]


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
