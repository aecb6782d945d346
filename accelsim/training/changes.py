"""What differs between two descriptions of a run, by the names of the fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_SHOWN = 5
"""Changed fields that one message lists."""


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """``dram.channels (1 there, 2 here), ...``; empty where nothing differs."""
    changes = list(_changes(before, after, ""))
    more = [f"and {len(changes) - MOST_SHOWN} more"] if len(changes) > MOST_SHOWN else []
    return ", ".join(changes[:MOST_SHOWN] + more)


def _changes(before: Any, after: Any, name: str) -> Iterator[str]:
    inner = _items(before), _items(after)
    if name and not (inner[0] and inner[1]):
        if before != after:
            yield f"{name} ({_shown(before)} there, {_shown(after)} here)"
        return
    for key in dict.fromkeys([*inner[0], *inner[1]]):
        yield from _changes(inner[0].get(key), inner[1].get(key), f"{name}.{key}" if name else key)


def _items(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    return {str(index): item for index, item in enumerate(value)} if isinstance(value, list) else {}


def _shown(value: Any) -> str:
    text = "nothing" if value in (None, "") else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
