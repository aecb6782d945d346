"""The two kinds of failure: the user's (a clear message, exit code 2) and ours (a bug)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from operator import index
from typing import SupportsIndex

SHORTEST = 3
"""Letters of a word that may be another one's beginning."""


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


def expect_list(name: str, found: object, example: str) -> None:
    """Refuse a text where several are wanted, of which each letter would be taken, and a dictionary.

    Raises:
        UserError: ``found`` is one.
    """
    if isinstance(found, str | Mapping):
        raise UserError(f"{name}: a list of texts is wanted, as [{example!r}], not {found!r}")


def whole(name: str, found: SupportsIndex | None) -> int | None:
    """``found`` as Python's own integer, which NumPy's are not: files and hashes take no other.

    Raises:
        UserError: it is no whole number, nor None.
    """
    if found is not None and (isinstance(found, bool) or not hasattr(found, "__index__")):
        raise UserError(f"{name}: a whole number is wanted, not {found!r}")
    return None if found is None else index(found)


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest allowed word, or an empty string.

    A word that was cut short (``fp8`` of ``fp8_e4m3``) is closer to what begins with it than to what looks like it.
    """
    words = [str(item) for item in allowed]
    begun = [item for item in words if len(str(word)) >= SHORTEST and item.startswith(str(word))]
    close = begun or difflib.get_close_matches(str(word), words, n=1, cutoff=0.55)
    return f" (did you mean {close[0]!r}?)" if close else ""
