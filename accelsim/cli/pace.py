"""How fast pieces of work go, how long they will go on, and who tells of that now and then."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass, field

from accelsim.progress import Observer


@dataclass
class Pace:
    """Work of ``total`` ``unit``, ``done`` so far; ``cycles`` are those of the accelerator that it went through.

    Rates are means since the work began here, so what was ``done`` before counts for nothing.
    """

    unit: str
    total: int
    done: int
    cycles: int = 0
    note: str = ""
    shown: float = field(default_factory=time.monotonic)
    """When it was last told of."""

    def __post_init__(self) -> None:
        self._first, self._began = self.done, time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def per_s(self) -> float | None:
        """None before anything is done."""
        return (self.done - self._first) / self.elapsed_s if self.done > self._first and self.elapsed_s else None

    @property
    def left_s(self) -> float | None:
        """Seconds to go at this rate."""
        return (self.total - self.done) / self.per_s if self.per_s else None

    @property
    def cycles_per_s(self) -> float | None:
        return self.cycles / self.elapsed_s if self.cycles and self.elapsed_s else None

    def is_due(self, seconds: float) -> bool:
        """Whether it was last told of so long ago; if so, that is now."""
        due = time.monotonic() - self.shown >= seconds
        if due:
            self.shown = time.monotonic()
        return due


class Paced(Observer):
    """Keeps the pace of each piece of work in ``tasks``, and tells of it at most every ``every_s`` seconds."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self.tasks: dict[str, Pace] = {}

    @abstractmethod
    def told(self, task: str, pace: Pace) -> None:
        """Tell how far a piece of work is."""

    def start(self, task: str, total: int, unit: str, done: int = 0) -> None:
        self.tasks[task] = Pace(unit, total, done)

    def advance(self, task: str, amount: int = 1, note: str = "") -> None:
        pace = self.tasks.get(task)
        if pace is None:
            return
        pace.done, pace.note = pace.done + amount, note
        if pace.is_due(self.every_s):
            self.told(task, pace)

    def simulated(self, task: str, cycles: int) -> None:
        if task in self.tasks:
            self.tasks[task].cycles += cycles
