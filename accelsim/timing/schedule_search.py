"""The shortest schedule of a step that is found on so many arrays: a search over placements and orders of service.

A list schedule is greedy, and so is the choice of what stays on chip. Each may make a step longer where the machine has
more to offer, so a few of each are tried, and the shortest schedule counts:

- **Chains first.** Units and DRAM serve the serial path first. What begins the longest chain is tried in its place.
- **In turn.** The quantise unit serves both copies of a gradient, and the one for the weight gradient may take it just
  before the other, which the next layer waits for, is ready. So it is also tried in issue order.
- **Placed in the order of starts.** In issue order a weight-gradient product is over before the next layer's turn; in
  time it often comes later, and what waits for the room that it gives back may then be what the step hangs on. Where
  operations wait for room, tensors are also placed in the order in which they start without such waits.
- **Given up.** From the shortest two on, residents for whose room the critical path waits are given up, as long
  as that makes the step shorter: of the few that promise most the best, or all together. What one waits for long is
  rather moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from accelsim.program import Unit
from accelsim.timing.analysis.room_waits import room_waits, to_give_up
from accelsim.timing.placed_step import PlacedStep, Run, Scheduled
from accelsim.timing.placement.residency import GivenUp
from accelsim.timing.scheduling.priorities import Service
from accelsim.timing.timeline import Timeline

Place = Callable[[tuple[int, ...], GivenUp], PlacedStep]
"""The step with its tensors placed in the order of these turns, but for those given up."""
LEAST_WAITS = 1 / 200
"""Share of the step that waits for room must take to be worth a search."""
LEAST_GAIN = 1 / 100
"""Share of the step that must be gained for the search to go on."""
NEAR = 1 / 50
"""Share of the step by which another order of service, or placement, may be longer at first to be searched from."""
MOST_OPERATIONS = 1000
"""Of a Program whose longest chains are served first, too: with more that gains little, and takes long."""
MOST_STARTS = 2
"""Schedules that the search starts from, the shortest ones."""
MOST_TRIED = 4
"""Residents tried before the best is given up."""
IN_TURN = frozenset({Unit.QUANTISE})


class ScheduleSearch:
    """Schedules on ``arrays`` arrays. What it finds depends on nothing else: not on schedules on more or fewer.

    The progress of ``run`` hears of the first schedule alone.
    """

    def __init__(self, place: Place, run: Run, arrays: int) -> None:
        self._place = place
        self._first_run, self._run = run, replace(run, progress=None)
        self._arrays = arrays
        self.at_once = 0
        """The most arrays that were at work together in a schedule looked at."""

    def shortest(self, before: int | None = None) -> Scheduled | None:
        """The shortest schedule found, if it ends before the cycle ``before``."""
        issued = self._place((), frozenset())
        # With waits for room, a schedule that isn't the shortest may become so.
        first = self._found(issued, self._first_run, None if issued.waits else before)
        if first and self._waits(first):
            near = first.cycles + int(NEAR * first.cycles)
            starts = [first, *self._served_otherwise(issued, first, near), *self._turned(issued, near)]
            found = [self._with_less_of(starts)]
        else:
            found = [first] if first and (before is None or first.cycles < before) else []
            limit = found[0].cycles if found else before
            found += self._served_otherwise(issued, first, limit, narrows=True)
        best = min(found, key=lambda schedule: schedule.cycles, default=None)
        return best if best and (before is None or best.cycles < before) else None

    def like(self, timeline: Timeline, before: int | None = None) -> Scheduled | None:
        """The schedule with tensors placed, and units serving, as in ``timeline``."""
        placed = self._place(timeline.residency.turns, timeline.residency.given_up)
        run = replace(self._run, in_turn=timeline.in_turn, service=timeline.service)
        return self._found(placed, run, before)

    def _turned(self, issued: PlacedStep, before: int) -> list[Scheduled]:
        free = self._found(issued, self._run, rooms=False)
        turned = self._found(self._place(free.turns, frozenset()), self._run, before) if free else None
        return [turned] if turned else []

    def _served_otherwise(
        self, issued: PlacedStep, first: Scheduled | None, before: int | None, *, narrows: bool = False
    ) -> list[Scheduled]:
        """Schedules in other orders of service; not in turn where units took what was issued first anyway.

        They end before the cycle ``before``, and where it ``narrows`` each before the ones found earlier.
        """
        found: list[Scheduled] = []
        for service in Service if len(issued.program.operations) <= MOST_OPERATIONS else (self._run.service,):
            plain = replace(self._run, service=service)
            last = first
            for run in (plain, replace(plain, in_turn=IN_TURN)):
                if run == self._run or (run.in_turn and last and self._is_in_turn(last)):
                    continue
                last = self._found(issued, run, before)
                found += [last] if last else []
                before = last.cycles if last and narrows else before
        return found

    def _is_in_turn(self, found: Scheduled) -> bool:
        operations = found.placed.program.operations
        taken = [index for index in found.turns if operations[index].unit in IN_TURN]
        return taken == sorted(taken)

    def _with_less_of(self, starts: list[Scheduled]) -> Scheduled:
        """The shortest schedule from any of ``starts`` on, with residents given up.

        The shortest start goes first, and another goes on only while it could still overtake what was found.
        """
        best, *others = sorted(starts, key=lambda schedule: schedule.cycles)
        best = self._with_less(best, None)
        for start in others[: MOST_STARTS - 1]:
            best = min(best, self._with_less(start, best.cycles), key=lambda schedule: schedule.cycles)
        return best

    def _with_less(self, best: Scheduled, before: int | None) -> Scheduled:
        while (found := self._without_one(best, before)) is not best:
            gained, best = best.cycles - found.cycles, found
            if gained < LEAST_GAIN * best.cycles:
                break
        return best

    def _without_one(self, best: Scheduled, before: int | None) -> Scheduled:
        if not self._waits(best):
            return best
        step, timeline = best.placed, best.timeline()
        waits = room_waits(step.program, timeline)
        hoped = sum(wait.cycles for wait in waits)
        if hoped < LEAST_WAITS * best.cycles or (before is not None and best.cycles - hoped >= before):
            return best
        turns, given_up = step.residency.turns, step.residency.given_up
        run = replace(self._run, in_turn=best.run.in_turn, service=best.run.service)
        residents = to_give_up(step.program, timeline, waits, step.dram_bytes_per_cycle)[:MOST_TRIED]
        best = self._found(self._place(turns, given_up.union(residents)), run, best.cycles) or best
        for resident in residents:
            best = self._found(self._place(turns, given_up | {resident}), run, best.cycles) or best
        return best

    def _waits(self, found: Scheduled) -> bool:
        """Whether waits for room may be worth a search."""
        return found.room_cycles() >= max(1, LEAST_WAITS * found.cycles)

    def _found(
        self, placed: PlacedStep, run: Run, before: int | None = None, *, rooms: bool = True
    ) -> Scheduled | None:
        """The schedule, if it ends before the cycle ``before``."""
        found = placed.schedule(run, self._arrays, before, rooms=rooms)
        # A schedule that is given up may have used all arrays at once.
        self.at_once = max(self.at_once, found.at_once if found else self._arrays)
        return found
