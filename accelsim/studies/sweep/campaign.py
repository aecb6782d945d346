"""The points of one sweep on their way: what is known is kept, what is missing is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from accelsim.hardware import HardwareConfig
from accelsim.progress import Observer, watched
from accelsim.studies.no_slower import Timed, machines_to_run_as
from accelsim.studies.sweep.asked import Asked, Point, belongs_to_workload
from accelsim.studies.sweep.folder import POINTS, keep_outcome, kept_outcome, kept_points, kept_refusal, was_run
from accelsim.studies.sweep.pool import Task, run_tasks
from accelsim.studies.sweep.result import Sweep
from accelsim.studies.sweep.runner import Outcome
from accelsim.studies.sweep.table import sweep_table


class Campaign:
    """Runs points, in this process or in several; ``outcomes`` holds what came out, by point."""

    def __init__(self, asked: Asked, folder: Path | None, jobs: int, observer: Observer) -> None:
        self.asked, self.folder, self.jobs, self.observer = asked, folder, jobs, observer
        self.outcomes: dict[Point, Outcome] = {}
        self.runs_as: dict[Point, Point] = {}
        self._order: list[Point] = []
        self._kept: list[Point] | None = None

    def known(self, point: Point) -> Outcome | None:
        """The outcome of a point that was run before, now or into the same folder."""
        if point not in self.outcomes and (kept := kept_outcome(self.folder, self.asked.key(point))):
            self.outcomes[point] = kept
        return self.outcomes.get(point)

    def run(self, points: Iterable[Point]) -> None:
        """Run those that aren't known yet."""
        self._order = list(points)
        missing = [point for point in self._order if self.known(point) is None]
        if kept := len(self._order) - len(missing):
            self.observer.say(f"{kept} of {len(self._order)} points were finished already")
        tasks = iter([(point, None) for point in missing])
        with watched(self.observer, "points", len(self._order), "point", kept):
            self.run_tasks(lambda: next(tasks, None), self._note)

    def run_tasks(self, next_task: Callable[[], Task | None], done: Callable[[Task, Outcome], None]) -> None:
        """As ``pool.run_tasks``; ``done`` hears of outcomes that are kept already."""

        def keep(task: Task, outcome: Outcome) -> None:
            if task[1] is None:
                keep_outcome(self.folder, self.asked.key(task[0]), task[0], outcome)
            done(task, outcome)

        run_tasks(self.asked, self.folder and self.folder / POINTS, self.jobs, next_task, keep)

    def was_run(self, point: Point) -> bool:
        """Whether the folder knows the point, be it as a refused one."""
        return was_run(self.folder, self.asked.key(point))

    def kept_elsewhere(self, points: Sequence[Point], most: int) -> list[Point]:
        """Points of the grid that the folder has and ``points`` lack, at most so many."""
        if self._kept is None:
            self._kept = [point for point in kept_points(self.folder, self.asked) if self.asked.has(point)]
        others = [point for point in self._kept if point not in points and self.known(point)]
        return others[:most]

    def take_rest(self, points: Sequence[Point]) -> list[Point]:
        """Points of the grid that the folder has beyond ``points``, refused ones too; their outcomes are known then."""
        rest = [point for point in kept_points(self.folder, self.asked) if self.asked.has(point)]
        found = [point for point in rest if point not in points]
        for point in found:
            refusal = kept_refusal(self.folder, self.asked.key(point))
            if self.known(point) is None and refusal:
                self.outcomes[point] = refusal
        return [point for point in found if point in self.outcomes]

    def take(self, points: Sequence[Point]) -> None:
        """The points that the result has, in this order; each has an outcome."""
        self._order = list(points)

    def make_no_slower(self) -> None:
        """Run points that are slower than one with less hardware as that one."""
        timed = [point for point in self._order if "failed" not in self.outcomes[point]]
        machines = {point: HardwareConfig.model_validate(self.outcomes[point]["hwconfig"]) for point in timed}
        entries = [Timed(machines[point], self._work(point), _cycles(self.outcomes[point])) for point in timed]
        pairs = [(timed[index], timed[other]) for index, other in machines_to_run_as(entries).items()]
        anew = []
        for point, other in pairs:
            self.runs_as[point] = other
            kept = kept_outcome(self.folder, self._name_as(point, other))
            if kept is None:
                anew.append((point, other))
            else:
                self.outcomes[point] = kept
        others = dict(anew)
        tasks = iter([(point, machines[other]) for point, other in anew])

        def note(task: Task, outcome: Outcome) -> None:
            point = task[0]
            self.outcomes[point] = merged = _run_anew(self.outcomes[point], outcome)
            keep_outcome(self.folder, self._name_as(point, others[point]), point, merged)
            self.observer.advance("again")

        if anew:
            with watched(self.observer, "again", len(anew), "point"):
                self.run_tasks(lambda: next(tasks, None), note)

    def how_to_go_on(self) -> list[str]:
        """For whoever ends the sweep before it is done."""
        kept = sum("failed" not in outcome for outcome in self.outcomes.values())
        are = "point is" if kept == 1 else "points are"
        return [f"{kept} {are} kept; {self.folder} goes on with --resume"] if self.folder else []

    def result(self, *, searched: bool = False, axes: Sequence[str] | None = None) -> Sweep:
        """What was found; ``axes`` are the columns of the frontier that is shown."""
        assumptions: Any = next((o["summary"].get("assumptions") for o in self.outcomes.values() if "summary" in o), [])
        table = sweep_table(self.asked, self._order, self.outcomes, self.runs_as)
        return Sweep(table, self.asked, assumptions or [], self.folder, searched=searched, axes=axes)

    def _note(self, task: Task, outcome: Outcome) -> None:
        self.outcomes[task[0]] = outcome
        self.observer.advance("points")

    def _work(self, point: Point) -> tuple[object, ...]:
        pairs = zip(self.asked.varied, point.values, strict=True)
        return (point.seed, *(value for one, value in pairs if belongs_to_workload(one)))

    def _name_as(self, point: Point, other: Point) -> str:
        return f"{self.asked.key(point)}.as-{self.asked.key(other)}"


def _cycles(outcome: Outcome) -> int:
    return int(outcome["summary"]["total_cycles"])


def _run_anew(before: Outcome, timed: Outcome) -> Outcome:
    """``before`` with the figures of a step timed anew; those of training stay, those of an epoch follow."""
    if "failed" in timed:
        return before
    old, new = before["summary"], timed["summary"]
    figures = {name: value for name, value in new.items() if name not in ("seed", "assumptions")}
    summary = {**old, **figures}
    for epoch, step in (("time_per_epoch_s", "time_per_step_s"), ("energy_per_epoch_pj", "energy_per_step_pj")):
        if old.get(epoch):
            summary[epoch] = old[epoch] * new[step] / old[step]
    return {**before, "summary": summary}
