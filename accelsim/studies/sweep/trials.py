"""A search in place of the whole grid: Optuna chooses points by what those before them gave.

One figure: a tree-structured Parzen estimator (Bergstra et al. 2011); several: NSGA-II (Deb et al. 2002). Both draw
from a fixed seed, and no point is run twice. So with one job the same search always looks at the same points, and one
that goes on after an interruption looks at those that it would have looked at; with several, the next point depends on
which of those at work ended first.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accelsim.errors import UserError
from accelsim.progress import watched
from accelsim.reports.sweep import check_figures
from accelsim.studies.sweep.asked import Asked, Point
from accelsim.studies.sweep.campaign import Campaign
from accelsim.studies.sweep.pool import Task
from accelsim.studies.sweep.runner import Outcome
from accelsim.studies.sweep.table import scalars

SEED = 0
MOST_REPEATED = 30
"""Suggestions of points that are known already, one after another, before one is drawn blindly."""


@dataclass(frozen=True)
class Search:
    """How many points to look at, and for the least and the most of which figures."""

    trials: int
    minimise: tuple[str, ...]
    maximise: tuple[str, ...]

    @property
    def figures(self) -> tuple[str, ...]:
        return (*self.minimise, *self.maximise)

    @property
    def record(self) -> dict[str, Any]:
        """As ``sweep.json`` has it."""
        return {"trials": self.trials, "minimise": list(self.minimise), "maximise": list(self.maximise)}

    @property
    def directions(self) -> list[str]:
        return ["minimize"] * len(self.minimise) + ["maximize"] * len(self.maximise)


def check_search(asked: Asked, trials: int | None, minimise: Sequence[str], maximise: Sequence[str]) -> Search | None:
    """The search that the options ask for, or None.

    Raises:
        UserError: they contradict each other, name no figure, or Optuna isn't installed.
    """
    if trials is None:
        if minimise or maximise:
            raise UserError("--minimise and --maximise belong to a search; give --trials N, too")
        return None
    if trials < 1:
        raise UserError(f"--trials must be at least 1, not {trials}")
    search = Search(min(trials, asked.count), tuple(minimise), tuple(maximise))
    if not search.figures:
        raise UserError("--trials: give --minimise or --maximise, for instance --minimise time_per_step_s")
    if len(set(search.figures)) < len(search.figures):
        raise UserError("--minimise and --maximise: a figure stands twice")
    if asked.seeds or not asked.varied:
        raise UserError("--trials runs each point once, and chooses by --vary; leave --seeds out")
    check_figures("--minimise", minimise, timing_only=asked.timing_only)
    check_figures("--maximise", maximise, timing_only=asked.timing_only)
    _optuna()
    return search


def search_points(campaign: Campaign, search: Search) -> None:
    """Run or recall ``search.trials`` points, all different, in the order in which they were chosen.

    Points that the folder has beyond those stand behind them.
    """
    chooser = _Chooser(campaign, search)
    with watched(campaign.observer, "points", search.trials, "point"):
        campaign.run_tasks(chooser.next_task, chooser.note)
    campaign.take([*chooser.points, *campaign.take_rest(chooser.points)])


class _Chooser:
    """Asks Optuna for points, and tells it what they gave."""

    def __init__(self, campaign: Campaign, search: Search) -> None:
        self.campaign, self.search, self.asked = campaign, search, campaign.asked
        optuna = _optuna()
        self.failed = optuna.trial.TrialState.FAIL
        choices = optuna.distributions.CategoricalDistribution
        self.space = {one.name: choices(one.values) for one in self.asked.varied}
        samplers = optuna.samplers
        if len(search.figures) > 1:
            sampler = samplers.NSGAIISampler(seed=SEED, population_size=max(4, min(50, search.trials // 5)))
        else:
            sampler = samplers.TPESampler(seed=SEED)
        self.study = optuna.create_study(directions=search.directions, sampler=sampler)
        self.draw = random.Random(SEED)
        self.points: list[Point] = []
        self.trials: dict[Point, Any] = {}

    def next_task(self) -> Task | None:
        """A point that was never run, or None once there were enough."""
        while len(self.points) < self.search.trials:
            point, trial = self._new()
            if self.campaign.known(point) is None:
                if not self.campaign.was_run(point):  # from here on it isn't what the interrupted search did
                    self._take_kept()
                if len(self.points) < self.search.trials and point not in self.trials:
                    self._take(point, trial)
                    return point, None
                self.study.tell(trial, state=self.failed)
            else:
                self._take(point, trial)
                self._tell(point)
        return None

    def _take_kept(self) -> None:
        for point in self.campaign.kept_elsewhere(self.points, self.search.trials - len(self.points)):
            self._take(point, self._ask(point))
            self._tell(point)

    def note(self, task: Task, outcome: Outcome) -> None:
        self.campaign.outcomes[task[0]] = outcome
        self._tell(task[0])

    def _new(self) -> tuple[Point, Any]:
        """A point that this search hasn't had; told of the ones that it has had, Optuna moves on."""
        for _ in range(MOST_REPEATED):
            trial = self.study.ask(self.space)
            point = Point(tuple(trial.params[one.name] for one in self.asked.varied))
            if point not in self.trials:
                return point, trial
            self._told(trial, self.campaign.outcomes.get(point))
        point = self._blind()
        return point, self._ask(point)

    def _blind(self) -> Point:
        while True:
            point = Point(tuple(self.draw.choice(one.values) for one in self.asked.varied))
            if point not in self.trials:
                return point

    def _ask(self, point: Point) -> Any:
        self.study.enqueue_trial(dict(zip(self.asked.fields, point.values, strict=True)))
        return self.study.ask(self.space)

    def _take(self, point: Point, trial: Any) -> None:
        self.points.append(point)
        self.trials[point] = trial

    def _tell(self, point: Point) -> None:
        self._told(self.trials[point], self.campaign.outcomes.get(point))
        self.campaign.observer.advance("points")

    def _told(self, trial: Any, outcome: Outcome | None) -> None:
        """Of a point that was refused, or is still at work, there is nothing to tell."""
        figures = scalars((outcome or {}).get("summary", {}))
        if all(name in figures for name in self.search.figures):
            self.study.tell(trial, [float(figures[name]) for name in self.search.figures])
        else:
            self.study.tell(trial, state=self.failed)


def _optuna() -> Any:
    """Optuna, which says nothing of its own.

    Raises:
        UserError: it isn't installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise UserError("--trials needs Optuna: pip install 'accelsim[optuna]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
