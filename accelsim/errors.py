"""The two kinds of failure: the user's (a clear message, exit code 2) and ours (a bug)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something in the user's input or environment is wrong; the message says what and how to mend it."""


class MisfitError(UserError):
    """A buffer can't hold what an operation needs at once."""

    def __init__(
        self, operation: str, buffer: str, capacity_bytes: int, what: str, needs_bytes: int, rule: str
    ) -> None:
        super().__init__(
            f"{operation} does not fit: buffers.{buffer}.capacity_bytes is {capacity_bytes}, and {what} needs "
            f"{needs_bytes} bytes (a tile gets {rule})"
        )
        self.buffer = buffer
        self.needs_bytes = needs_bytes


class InternalError(Exception):
    """An invariant of accelsim itself is broken; please report it."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest allowed word, or an empty string."""
    close = difflib.get_close_matches(str(word), [str(item) for item in allowed], n=1, cutoff=0.55)
    return f" (did you mean {close[0]!r}?)" if close else ""
