"""The two kinds of failure: the user's (a clear message, exit code 2) and ours (a bug)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something in the user's input or environment is wrong; the message says what and how to mend it."""


class InternalError(Exception):
    """An invariant of accelsim itself is broken; please report it."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest allowed word, or an empty string."""
    close = difflib.get_close_matches(str(word), [str(item) for item in allowed], n=1, cutoff=0.55)
    return f" (did you mean {close[0]!r}?)" if close else ""
