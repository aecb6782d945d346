"""What the two runs of pipelines have in common, as the schedule sees it."""

from __future__ import annotations

from typing import Protocol

import simpy


class Running:
    """An operation whose pipeline has begun.

    ``ended`` happens with its end and has its stall cycles by cause as value. ``tailed`` happens when there is room
    for a tile of the next operation, if that is before the end.
    """

    def __init__(self, environment: simpy.Environment) -> None:
        self.ended = environment.event()
        self.tailed = environment.event()


class Pipelines(Protocol):
    """Runs operations that touch DRAM; the event run and the fast run are two of it."""

    def start(self, start_at: int, priority: int, *, held_back: bool) -> Running:
        """Begin the operation whose program is at ``start_at``; held back, it only fetches its first tile."""
        ...

    def release(self, running: Running) -> None:
        """The unit is free for an operation that was held back."""
        ...
