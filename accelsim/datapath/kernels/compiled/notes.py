"""What kernels found out about an array while they made or read it, so that no second pass looks for it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Notes(Generic[T]):
    """A fact by array; it lives as long as the array that owns the memory. Noted arrays are never written."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Callable[[], Any], T]] = {}

    def note(self, x: Any, fact: T) -> None:
        """``x`` is a whole array, or a view of one in another shape."""
        owner = _owner(x)
        key, found = id(owner), self._found
        found[key] = weakref.ref(owner, lambda _: found.pop(key, None)), fact

    def of(self, x: Any) -> T | None:
        """The fact about ``x``, or None where nobody has looked."""
        owner = _owner(x)
        entry = self._found.get(id(owner))
        if entry is None or entry[0]() is not owner:
            return None
        return entry[1] if x.size == owner.size and x.dtype == owner.dtype else None


def _owner(x: Any) -> Any:
    return x if x.base is None else x.base
