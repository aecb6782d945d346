"""Largest magnitudes that kernels found while they made an array, so that no second pass looks for them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


class Peaks:
    """max |x| by array; an entry lives as long as the array that owns the memory. Noted arrays are never written."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Callable[[], Any], int]] = {}

    def note(self, x: Any, peak: int) -> None:
        """``x`` is a whole array, or a view of one in another shape."""
        owner = _owner(x)
        key, found = id(owner), self._found
        found[key] = weakref.ref(owner, lambda _: found.pop(key, None)), peak

    def of(self, x: Any) -> int | None:
        """max |x|, or None where nobody has looked."""
        owner = _owner(x)
        reference, peak = self._found.get(id(owner), (None, None))
        if reference is None or reference() is not owner:
            return None
        return peak if x.size == owner.size and x.dtype == owner.dtype else None


def _owner(x: Any) -> Any:
    return x if x.base is None else x.base
