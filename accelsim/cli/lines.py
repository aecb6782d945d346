"""Progress as lines of text: where it is no terminal that reads them."""

from __future__ import annotations

from datetime import timedelta
from typing import TextIO

from accelsim.cli.bars import TITLES
from accelsim.cli.pace import Pace
from accelsim.progress import Observer
from accelsim.reports.units import human_count

EVERY_S = 30.0


class Lines(Observer):
    """A line for work that goes on, every ``EVERY_S`` seconds; short work says nothing."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.tasks: dict[str, Pace] = {}

    def start(self, task: str, total: int, unit: str, done: int = 0) -> None:
        self.tasks[task] = Pace(unit, total, done)

    def advance(self, task: str, amount: int = 1, note: str = "") -> None:
        pace = self.tasks.get(task)
        if pace is None:
            return
        pace.done, pace.note = pace.done + amount, note
        if pace.is_due(EVERY_S):
            self.say(f"{TITLES.get(task, task)}: {_told(pace)}")

    def simulated(self, task: str, cycles: int) -> None:
        if task in self.tasks:
            self.tasks[task].cycles += cycles

    def finish(self, task: str) -> None:
        self.tasks.pop(task, None)

    def say(self, text: str) -> None:
        self.stream.write(f"{text}\n")
        self.stream.flush()


def _told(pace: Pace) -> str:
    """``120 of 1,000 steps, 12 steps/s, 1.2 M cycles/s, 0:01:13 left; loss 1.23``."""
    parts = [f"{pace.done:,} of {pace.total:,} {pace.unit}s"]
    if pace.per_s is not None:
        parts.append(f"{pace.per_s:,.{0 if pace.per_s >= 10 else 2}f} {pace.unit}s/s")
    if pace.cycles_per_s is not None:
        parts.append(f"{human_count(pace.cycles_per_s)} cycles/s")
    if pace.left_s is not None:
        parts.append(f"{timedelta(seconds=round(pace.left_s))} left")
    return ", ".join(parts) + (f"; {pace.note}" if pace.note else "")
