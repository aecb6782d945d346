"""Ctrl-C in the middle of a step: the step is finished first, so that its checkpoint loses nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Stop:
    """``asked`` once the user, or the system, wants the training to end."""

    asked: bool = False


@contextmanager
def after_the_step() -> Iterator[Stop]:
    """Note the first SIGINT or SIGTERM while the block runs; a second one interrupts at once.

    Only the main thread hears signals; elsewhere nothing changes.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
