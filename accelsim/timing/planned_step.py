"""A training step planned for a machine: simulated as often as wanted, without planning anew.

**How many arrays take part.** Operations beside each other may take longer with one array more, as any list schedule
may (Graham 1969). A machine can always leave arrays idle, so the schedule is the shortest of those on all arrays, on
one fewer, and so on down to one; of equally short ones that with the most. So more arrays never make a step longer,
whatever the Program, where each product runs on one array. A schedule on fewer arrays is given up as soon as what is
left of it can't end in time, and those on more arrays than were ever at work together are the same one.

**In which order tensors are placed.** In issue order, a weight-gradient product is over before the next layer's turn;
in time it often comes later, and what waits for the room that it gives back may then be what the step hangs on. So on
every number of arrays, where operations may wait for room, tensors are also placed in the order in which operations
start without such waits, and the shorter of the two schedules counts.
"""

from __future__ import annotations

from accelsim.errors import InternalError
from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.timing.placed_step import PlacedStep, Progress, Run, Scheduled
from accelsim.timing.placement.residency import Residency, place_tensors
from accelsim.timing.plan import OperationPlan
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
        self._issued = PlacedStep(program, hw, place_tensors(program, hw))
        self._placed: dict[tuple[int, ...], PlacedStep] = {(): self._issued}

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
        residency: Residency | None = None,
    ) -> Timeline:
        """Time the step, as ``simulator.simulate`` says; ``progress`` hears of the first schedule on all arrays.

        ``residency``: that of an earlier simulation of this step, to place tensors as they were there.
        """
        run = Run(untimed, skip)
        placed = self._placed_in(residency.turns) if residency else self._issued
        arrays = self.hw.mac_array.products_at_once
        best = placed.schedule(Run(untimed, skip, progress), arrays)
        if best is None:
            raise InternalError("a schedule that ends before no cycle")
        at_once = best.at_once
        if not residency and best.waited_for_room():
            best, at_once = self._in_turns(run, arrays, best)
        for fewer in range(at_once - 1, 0, -1):
            best = placed.schedule(run, fewer, best.cycles) or best
            if not residency and self._issued.waits:
                best, _ = self._in_turns(run, fewer, best)
        return best.timeline()

    def _in_turns(self, run: Run, arrays: int, best: Scheduled) -> tuple[Scheduled, int]:
        """The better of ``best`` and the schedule with tensors placed in the order in which operations start.

        And the most arrays that were at work together in any of those looked at.
        """
        free = self._issued.schedule(run, arrays, rooms=False)
        if free is None:
            raise InternalError("a schedule that ends before no cycle")
        found = self._placed_in(free.turns).schedule(run, arrays, best.cycles)
        # A schedule that is given up may have used all arrays at once.
        at_once = max(best.at_once, free.at_once, found.at_once if found else arrays)
        return found or best, at_once

    def _placed_in(self, turns: tuple[int, ...]) -> PlacedStep:
        if turns not in self._placed:
            residency = place_tensors(self.program, self.hw, turns)
            self._placed[turns] = PlacedStep(self.program, self.hw, residency, self._issued)
        return self._placed[turns]
