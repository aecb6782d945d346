"""Progress as lines of text: where it is no terminal that reads them."""

from __future__ import annotations

from datetime import timedelta
from typing import TextIO

from accelsim.cli.bars import TITLES
from accelsim.cli.pace import Pace, Paced
from accelsim.reports.units import human_count

EVERY_S = 30.0


class Lines(Paced):
    """A line for work that goes on, every ``EVERY_S`` seconds; short work says nothing."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(EVERY_S)
        self.stream = stream

    def told(self, task: str, pace: Pace) -> None:
        self.say(f"{TITLES.get(task, task)}: {_told(pace)}")

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
