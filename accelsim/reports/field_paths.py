"""Dotted paths of fields, cut to what tells them apart."""

from __future__ import annotations


def end_of_path(path: str) -> list[str]:
    """The last two names of a path, and that of the list where they begin with an item's number: ``levels.0.banks``."""
    names = path.split(".")
    start = max(0, len(names) - 2)
    while start and names[start].isdigit():
        start -= 1
    return names[start:]
