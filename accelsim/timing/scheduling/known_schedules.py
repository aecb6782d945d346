"""Schedules of one step that are known: different rules often place tensors alike, and a search comes back to an order.

A schedule follows from where tensors live, from what operations wait for, from their ranks and from the number of
arrays. One that was given up is known to end no sooner than the cycle that it was given up for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from accelsim.timing.scheduling.held import Held

Found = tuple[Held | None, int]
"""A schedule, None where it doesn't end in time; and how many arrays were at work together."""


class KnownSchedules:
    """By all that decides them."""

    def __init__(self) -> None:
        self._whole: dict[Hashable, tuple[Held, int]] = {}
        self._given_up: dict[Hashable, tuple[int, int]] = {}

    def get(self, key: Hashable, before: int | None, run: Callable[[], Found]) -> Found:
        """The schedule if it ends before the cycle ``before``; ``run`` where that isn't known."""
        if key in self._whole:
            whole, at_once = self._whole[key]
            in_time = before is None or int(whole.end_cycles.max(initial=0)) < before
            return (whole if in_time else None), at_once
        if key in self._given_up and before is not None and before <= self._given_up[key][0]:
            return None, self._given_up[key][1]
        held, at_once = run()
        if held is not None:
            self._whole[key] = held, at_once
        elif before is not None:
            self._given_up[key] = before, at_once
        return held, at_once
