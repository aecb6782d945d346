"""The shortest schedule of a step that is found on so many arrays: a search over orders of service and placements.

A list schedule is greedy, and so is the choice of what stays on chip. Each may make a step longer where the machine has
more to offer, so a few of each are tried, and the shortest schedule counts:

- **Rules.** Which tensors stay on chip where not all can is decided by several rules; each begins schedules of its own.
- **Justified.** A schedule is pushed to its end, and its operations are served anew in the order of these late starts,
  as long as that makes the step shorter (``scheduling/justified.py``). That is done to every schedule below; what it
  began with is kept, too.
- **Chains first.** Units and DRAM serve the serial path first. What begins the longest chain is tried in its place.
- **Placed in the order of starts.** In issue order a weight-gradient product is over before the next layer's turn; in
  time it often comes later, and what waits for the room that it gives back may then be what the step hangs on. Where
  operations wait for room, tensors are also placed in the order in which they start: with such waits, and without.
- **Given up.** From the shortest of these on, residents for whose room the critical path waits are given up, as long
  as that makes the step shorter: of the few that promise most the best, or all together. What one waits for long is
  rather moved. What is left is placed in the order of starts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from accelsim.errors import InternalError
from accelsim.program import Operation, Phase
from accelsim.timing.analysis.room_waits import room_waits, to_give_up
from accelsim.timing.placed_step import PlacedStep, Run, Scheduled
from accelsim.timing.placement.keeping import Rule
from accelsim.timing.placement.residency import Placing
from accelsim.timing.scheduling.priorities import Service
from accelsim.timing.timeline import Timeline

Place = Callable[[Placing], PlacedStep | None]
"""The step with its tensors placed so; None where some operation then doesn't fit into the buffers, as what comes from
DRAM comes in whole bursts, and may take more room there than what stays on chip."""
LEAST_WAITS = 1 / 200
"""Share of the step that waits for room must take to be worth a search."""
LEAST_GAIN = 1 / 100
"""Share of the step that giving residents up must gain for the search to go on."""
NEAR = 1 / 20
"""Share of the step by which another schedule may be longer, before anything is done to it, to be one to start from."""
LEAST_DIFFERENCE = 1 / 1000
"""Share of DRAM's bytes by which the placements of two rules must differ for both to be tried."""
TWO_RULES = (Rule.LAST_NEEDED, Rule.BYTE_TURNS)
"""Of which one is mostly near the best."""
PATIENCE = 1
"""Rounds of justification that may gain less than they must: one that lengthens the step may come before a good one."""
MOST_OPERATIONS = 1000
"""Of a Program that is searched thoroughly: one with more takes long, and gains less."""
MOST_TRIED = 4
"""Residents tried before the best is given up."""


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    ``rules`` of what stays on chip, and with how many of their ``placements`` more is done than a first schedule.
    ``services``: orders of service to begin with. ``rounds`` of justification; ``least_gain``: share of the step that
    each must gain, but for ``PATIENCE`` of them. ``starts``: schedules of each rule, the shortest ones, from which
    residents are given up; ``close``: share of the step by which the shortest of them may be longer than that of all.
    """

    rules: tuple[Rule, ...]
    placements: int
    services: tuple[Service, ...]
    rounds: int
    least_gain: float
    starts: int
    close: float = 1 / 100


THOROUGH = Effort(tuple(Rule), len(Rule), tuple(Service), rounds=12, least_gain=1 / 1000, starts=6)
BRIEF = Effort(TWO_RULES, 1, (Service.PHASES,), rounds=4, least_gain=1 / 200, starts=2)
OF_CLUSTERS = replace(BRIEF, placements=2, services=tuple(Service), starts=6, close=1 / 10)
"""Links wait for what is served last, and for room: more is tried, however long the Program."""


def _effort(operations: Sequence[Operation]) -> Effort:
    if len(operations) <= MOST_OPERATIONS:
        return THOROUGH
    exchanges = any(operation.phase is Phase.ALL_REDUCE for operation in operations)
    return OF_CLUSTERS if exchanges else BRIEF


class ScheduleSearch:
    """Schedules on ``arrays`` arrays. What it finds depends on nothing else: not on schedules on more or fewer.

    The progress of ``run`` hears of the first schedule alone.
    """

    def __init__(self, place: Place, run: Run, arrays: int) -> None:
        self._place = place
        self._first_run, self._run = run, replace(run, progress=None)
        self._arrays = arrays
        self._issued = _fitting(place(Placing()))
        self._effort = _effort(self._issued.program.operations)
        self.at_once = 0
        """The most arrays that were at work together in a schedule looked at."""

    def shortest(self, before: int | None = None) -> Scheduled | None:
        """The shortest schedule found, if it ends before the cycle ``before``."""
        if before is not None and self._issued.least_cycles(self._run, self._arrays) >= before:
            return None
        by_rule = sorted(self._firsts(), key=_least)
        starts = [self._and_shortened(_near(firsts)) for firsts in by_rule[: self._effort.placements]]
        best = min((start for of_rule in starts for start in of_rule), key=_cycles)
        close = (1 + self._effort.close) * best.cycles
        for firsts, of_rule in zip(by_rule, starts, strict=False):
            own = min(of_rule, key=_cycles)
            if own.cycles <= close and self._waits(own):
                found = self._with_less_of([*of_rule, *self._and_shortened(self._turned(own, _least(firsts)))])
                best = min(best, found, key=_cycles)
        return best if before is None or best.cycles < before else None

    def _firsts(self) -> Iterator[list[Scheduled]]:
        """Of each rule, a schedule by each order of service; nothing was done to them."""
        run = self._first_run
        for placed in self._of_rules():
            found = []
            for service in self._effort.services:
                found.append(self._whole(placed, replace(run, service=service)))
                run = self._run
            yield found

    def _of_rules(self) -> list[PlacedStep]:
        """In issue order, by rules that differ enough; of those that hardly do, that which moves least."""
        others = (self._place(Placing(rule=rule)) for rule in self._effort.rules[1:])
        by_rule = [self._issued, *filter(None, others)]
        found: list[PlacedStep] = []
        for placed in sorted(by_rule, key=lambda placed: placed.dram_bytes):
            if not found or placed.dram_bytes > (1 + LEAST_DIFFERENCE) * found[-1].dram_bytes:
                found.append(placed)
        return found

    def like(self, timeline: Timeline, before: int | None = None) -> Scheduled | None:
        """The schedule with tensors placed, and operations ranked, as in ``timeline``."""
        placed = self._place(timeline.residency.placing)
        return self._found(placed, replace(self._run, ranks=timeline.ranks), before)

    def _turned(self, best: Scheduled, least: int) -> list[Scheduled]:
        """With tensors placed in the order of starts: of ``best``, and where nothing waits for room.

        ``least``: cycles of the shortest schedule that nothing was done to.
        """
        rule = best.placed.residency.placing.rule
        free = self._whole(_fitting(self._place(Placing(rule=rule))), self._run, rooms=False)
        cases = [(best.turns, best.ranks, best.cycles), (free.turns, (), least)]
        found = []
        for turns, ranks, cycles in cases:
            turned = self._found(self._place(Placing(turns, rule=rule)), replace(self._run, ranks=ranks))
            found += [turned] if turned and _is_near(turned, cycles) else []
        return found

    def _and_shortened(self, found: list[Scheduled]) -> list[Scheduled]:
        """What waits for room in a schedule may tell more of what to give up than in the shorter one made of it."""
        shortened = [self._shortened(schedule) for schedule in found]
        return [*shortened, *(raw for raw, better in zip(found, shortened, strict=True) if raw is not better)]

    def _shortened(self, best: Scheduled) -> Scheduled:
        """Justified as long as that makes the step shorter."""
        last, patience = best, PATIENCE
        for _ in range(self._effort.rounds):
            last = self._whole(last.placed, replace(self._run, ranks=last.justified()))
            gained = best.cycles - last.cycles
            if gained > 0:
                best = last
            if gained < self._effort.least_gain * best.cycles:
                if not patience:
                    break
                patience -= 1
        return best

    def _with_less_of(self, starts: list[Scheduled]) -> Scheduled:
        """The shortest schedule from any of ``starts`` on, with residents given up.

        The shortest start goes first, and another goes on only while it could still overtake what was found.
        """
        best, *others = sorted(starts, key=_cycles)
        best = self._with_less(best, None)
        for start in others[: self._effort.starts - 1]:
            best = min(best, self._with_less(start, best.cycles), key=_cycles)
        return best

    def _with_less(self, best: Scheduled, before: int | None) -> Scheduled:
        while (found := self._without_one(best, before)) is not best:
            found = self._shortened(found)
            found = self._turned_again(found)
            gained, best = best.cycles - found.cycles, found
            if gained < LEAST_GAIN * best.cycles:
                break
        return best

    def _turned_again(self, best: Scheduled) -> Scheduled:
        turned = self._place(replace(best.placed.residency.placing, turns=best.turns))
        found = self._found(turned, replace(self._run, ranks=best.ranks), best.cycles)
        return self._shortened(found) if found else best

    def _without_one(self, best: Scheduled, before: int | None) -> Scheduled:
        if not self._waits(best):
            return best
        step, timeline = best.placed, best.outline()
        waits = room_waits(step.program, timeline)
        hoped = sum(wait.cycles for wait in waits)
        if hoped < LEAST_WAITS * best.cycles or (before is not None and best.cycles - hoped >= before):
            return best
        placing = step.residency.placing

        def without(residents: Sequence[tuple[int, int]]) -> PlacedStep | None:
            return self._place(replace(placing, given_up=placing.given_up.union(residents)))

        run = replace(self._run, ranks=best.ranks)
        residents = to_give_up(step.program, timeline, waits, step.dram_bytes_per_cycle)[:MOST_TRIED]
        best = self._found(without(residents), run, best.cycles) or best
        for resident in residents:
            best = self._found(without([resident]), run, best.cycles) or best
        return best

    def _waits(self, found: Scheduled) -> bool:
        """Whether waits for room may be worth a search."""
        return found.room_cycles() >= max(1, LEAST_WAITS * found.cycles)

    def _whole(self, placed: PlacedStep, run: Run, *, rooms: bool = True) -> Scheduled:
        """The schedule, however long."""
        found = self._found(placed, run, rooms=rooms)
        if found is None:
            raise InternalError("a schedule that ends before no cycle")
        return found

    def _found(
        self, placed: PlacedStep | None, run: Run, before: int | None = None, *, rooms: bool = True
    ) -> Scheduled | None:
        """The schedule, if there is one and it ends before the cycle ``before``."""
        if placed is None:
            return None
        found = placed.schedule(run, self._arrays, before, rooms=rooms)
        # A schedule that is given up may have used all arrays at once.
        self.at_once = max(self.at_once, found.at_once if found else self._arrays)
        return found


def _fitting(placed: PlacedStep | None) -> PlacedStep:
    if placed is None:
        raise InternalError("a placement that fitted before and doesn't fit")
    return placed


def _cycles(schedule: Scheduled) -> int:
    return schedule.cycles


def _least(schedules: Sequence[Scheduled]) -> int:
    return min(map(_cycles, schedules))


def _near(schedules: Sequence[Scheduled]) -> list[Scheduled]:
    least = _least(schedules)
    return [schedule for schedule in schedules if _is_near(schedule, least)]


def _is_near(schedule: Scheduled, cycles: int) -> bool:
    """Whether a schedule may still become one of less than these."""
    return schedule.cycles <= cycles + NEAR * cycles
