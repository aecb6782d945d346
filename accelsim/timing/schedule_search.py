"""The shortest schedule of a step that is found on so many arrays: a search over orders of service and placements.

A list schedule is greedy, and so is the choice of what stays on chip. Each may make a step longer where the machine has
more to offer, so a few of each are tried, and the shortest schedule counts:

- **Rules.** Which tensors stay on chip where not all can is decided by several rules; each begins schedules of its own.
- **Chains first.** Units and DRAM serve the serial path first. What begins the longest chain is tried in its place.
- **Justified.** A schedule is pushed to its end, and its operations are served anew in the order of these late starts,
  as long as that makes the step shorter (``scheduling/justified.py``). That is done to every schedule here.
- **Placed as it went.** In issue order a weight-gradient product is over before the next layer's turn; in time it often
  comes later, and lasts, and what waits for the room that it gives back may then be what the step hangs on. So tensors
  are placed anew for the course that the step took in the shortest schedules, and in such in which nothing waits for
  room.
- **Overtaking.** What is on the critical path, and stood by while its unit took another operation, goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from accelsim.errors import InternalError
from accelsim.timing.analysis.overtaking import overtaking, waited_behind
from accelsim.timing.placed_step import PlacedStep, Run, Scheduled
from accelsim.timing.placement.keeping import Rule
from accelsim.timing.placement.residency import Placing
from accelsim.timing.scheduling.priorities import Service
from accelsim.timing.timeline import Timeline

Place = Callable[[Placing], PlacedStep | None]
"""The step with its tensors placed so; None where some operation then doesn't fit into the buffers, as what comes from
DRAM comes in whole bursts, and may take more room there than what stays on chip."""
LEAST_WAITS = 1 / 200
"""Share of the step that waiting for room must cost to be worth a search."""
NEAR = 1 / 20
"""Share of the step by which another schedule may be longer, before anything is done to it, to be one to start from."""
LEAST_GAIN = 1 / 1000
"""Share of the step that placing tensors anew must gain to be done again."""
PATIENCE = 1
"""Rounds of justification that may gain less than they must: one that lengthens the step may come before a good one."""
MOST_OPERATIONS = 1000
"""Of a Program that is searched thoroughly: one with more takes long, and gains less."""


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    ``rules`` of what stays on chip. ``starts``: of the schedules by these and by every order of service, and of those
    for courses that are known, the shortest ones, that are justified. ``rounds`` of justification; ``least_gain``:
    share of the step that each must gain, but for ``PATIENCE`` of them. ``overtakings`` that are tried in a schedule.
    """

    rules: tuple[Rule, ...]
    starts: int
    rounds: int
    least_gain: float
    overtakings: int


THOROUGH = Effort(tuple(Rule), starts=8, rounds=12, least_gain=1 / 1000, overtakings=60)
BRIEF = Effort((Rule.WAITING, Rule.WAITING_BY_ROOM), starts=2, rounds=4, least_gain=1 / 200, overtakings=0)


class ScheduleSearch:
    """Schedules on ``arrays`` arrays. What it finds depends on nothing else: not on schedules on more or fewer.

    The progress of ``run`` hears of the first schedule alone.
    """

    def __init__(self, place: Place, run: Run, arrays: int) -> None:
        self._place = place
        self._first_run, self._run = run, replace(run, progress=None)
        self._arrays = arrays
        self._issued = _fitting(place(Placing()))
        self._effort = THOROUGH if len(self._issued.program.operations) <= MOST_OPERATIONS else BRIEF
        self.at_once = 0
        """The most arrays that were at work together in a schedule looked at."""

    def shortest(self, before: int | None = None) -> Scheduled | None:
        """The shortest schedule found, if it ends before the cycle ``before``."""
        if before is not None and self._issued.least_cycles(self._run, self._arrays) >= before:
            return None
        best = self._overtaken(self._placed_as_it_went(self._begun(self._firsts())))
        return best if before is None or best.cycles < before else None

    def like(self, timeline: Timeline) -> Scheduled | None:
        """The schedule with tensors placed, and operations ranked, as in ``timeline``."""
        placed = self._place(timeline.residency.placing)
        return self._found(placed, replace(self._run, ranks=timeline.ranks))

    def _firsts(self) -> Iterator[Scheduled]:
        """A schedule by each rule and order of service; nothing was done to them."""
        run = self._first_run
        for placed in self._by_rule():
            for service in Service:
                yield self._whole(placed, replace(run, service=service))
                run = self._run

    def _by_rule(self) -> list[PlacedStep]:
        """Placements in issue order, each once; by the first rule where others fit in no buffer."""
        placed = filter(None, (self._place(Placing(rule=rule)) for rule in self._effort.rules))
        return list({step.places: step for step in placed}.values()) or [self._issued]

    def _placed_as_it_went(self, starts: list[Scheduled]) -> Scheduled:
        """With tensors placed for the course that the step took, while that makes it shorter.

        It begins with the shortest of the starts by each order of service, where waiting for room costs enough.
        """
        best = min(starts, key=_cycles)
        falling = sorted(starts, key=_cycles, reverse=True)
        by_service = {start.run.service: start for start in falling}.values()
        free = list(map(self._free, by_service))
        shortest_free = min(map(_cycles, free))
        known = [*by_service, *free] if _waits(best) or shortest_free <= (1 - LEAST_WAITS) * best.cycles else []
        while known:
            anew = [schedule for one in known for schedule in self._like_course(one)]
            found = min(self._begun(anew), key=_cycles, default=best)
            known = [found] if found.cycles < (1 - LEAST_GAIN) * best.cycles else []
            best = min(best, found, key=_cycles)
        return best

    def _free(self, best: Scheduled) -> Scheduled:
        """The same where nothing waits for room, with much effort as short as it gets."""
        if not best.placed.waits:
            return best
        free = self._whole(best.placed, _ranked(best, rooms=False))
        thorough = self._effort is THOROUGH or _waits(best) or free.cycles < (1 - LEAST_GAIN) * best.cycles
        return self._overtaken(self._shortened(free)) if thorough else free

    def _like_course(self, known: Scheduled) -> Iterator[Scheduled]:
        """With tensors placed for the course of a schedule that is known, and operations served as in it."""
        run, course = _ranked(known, rooms=True), known.course
        placings = (Placing(course, rule, in_cycles) for rule in self._effort.rules for in_cycles in rule.ways)
        placed = filter(None, map(self._place, placings))
        for step in {step.places: step for step in placed}.values():
            yield self._whole(step, run)

    def _begun(self, schedules: Iterable[Scheduled]) -> list[Scheduled]:
        """The shortest of these, made shorter."""
        rising = sorted(schedules, key=_cycles)
        return [self._shortened(each) for each in rising[: self._effort.starts] if _is_near(each, rising[0])]

    def _shortened(self, best: Scheduled) -> Scheduled:
        """Justified as long as that makes the step shorter."""
        last, patience = best, PATIENCE
        for _ in range(self._effort.rounds):
            last = self._whole(last.placed, replace(last.run, ranks=last.justified()))
            gained = best.cycles - last.cycles
            if gained > 0:
                best = last
            if gained < self._effort.least_gain * best.cycles:
                if not patience:
                    break
                patience -= 1
        return best

    def _overtaken(self, best: Scheduled) -> Scheduled:
        """What the step hangs on is served before what its unit took first, as long as that makes the step shorter."""
        tried = set[tuple[int, ...]]()
        while (found := self._after_one_overtaking(best, tried)) is not None:
            best = found
        return best

    def _after_one_overtaking(self, best: Scheduled, tried: set[tuple[int, ...]]) -> Scheduled | None:
        if len(tried) >= self._effort.overtakings:
            return None
        for pair in waited_behind(best.placed.program, best.outline(), best.held.ready_cycles.tolist()):
            ranks = overtaking(best.ranks, *pair)
            if ranks not in tried and len(tried) < self._effort.overtakings:
                tried.add(ranks)
                if found := self._found(best.placed, replace(best.run, ranks=ranks), best.cycles):
                    return found
        return None

    def _whole(self, placed: PlacedStep, run: Run) -> Scheduled:
        """The schedule, however long."""
        found = self._found(placed, run)
        if found is None:
            raise InternalError("a schedule that ends before no cycle")
        return found

    def _found(self, placed: PlacedStep | None, run: Run, before: int | None = None) -> Scheduled | None:
        """The schedule, if there is one and it ends before the cycle ``before``."""
        if placed is None:
            return None
        found, at_once = placed.tried(run, self._arrays, before)
        # On as many arrays as that, a schedule that is given up is given up, too: it went no further.
        self.at_once = max(self.at_once, at_once)
        return found


def _fitting(placed: PlacedStep | None) -> PlacedStep:
    if placed is None:
        raise InternalError("a placement that fitted before and doesn't fit")
    return placed


def _cycles(schedule: Scheduled) -> int:
    return schedule.cycles


def _waits(schedule: Scheduled) -> bool:
    """Whether operations wait long enough for room that less of it may be worth a search."""
    return schedule.room_cycles() >= max(1, LEAST_WAITS * schedule.cycles)


def _ranked(known: Scheduled, *, rooms: bool) -> Run:
    """Operations are served as in a schedule that is known."""
    return replace(known.run, ranks=known.ranks, rooms=rooms, progress=None)


def _is_near(schedule: Scheduled, best: Scheduled) -> bool:
    """Whether it may still become the shorter one."""
    return schedule.cycles <= (1 + NEAR) * best.cycles
