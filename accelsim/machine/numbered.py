"""One of several that a step goes through, such as a part of its batch: which one is open, and of how many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Numbered:
    """``number`` of the one that is open, from 1 on, and 0 between them; a single one is no series, and stays 0."""

    def __init__(self) -> None:
        self.number, self.count = 0, 1

    @contextmanager
    def opened(self, number: int, count: int) -> Iterator[None]:
        """Issue what follows for ``number`` of ``count``."""
        if count == 1:
            yield
            return
        self.number, self.count = number, count
        try:
            yield
        finally:
            self.number, self.count = 0, 1
