"""The order of what happens within one cycle, for SimPy processes."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import simpy
from simpy.events import EventPriority

from accelsim.errors import InternalError


class Turn(IntEnum):
    """In each cycle, what ends comes first (SimPy's own events), then units are granted, then the DRAM channel.

    So nothing depends on the order in which things of one cycle were noticed.
    """

    UNITS = 2
    CHANNEL = 3


class Settled(simpy.Event):
    """Happens in this cycle, after everything of the turns before ``turn``."""

    def __init__(self, environment: simpy.Environment, turn: Turn) -> None:
        super().__init__(environment)
        self._ok = True
        self._value = None
        environment.schedule(self, priority=EventPriority(turn))


def callbacks(event: simpy.Event) -> list[Callable[[simpy.Event], None]]:
    """What is called when an event that is still to come happens.

    Raises:
        InternalError: it has happened.
    """
    if event.callbacks is None:
        raise InternalError("an event that was waited for is over")
    return event.callbacks


def settled(environment: simpy.Environment, turn: Turn, then: Callable[[], None]) -> None:
    """Call ``then`` in this cycle, after everything of the turns before ``turn``."""
    Settled(environment, turn).callbacks = [lambda _: then()]
