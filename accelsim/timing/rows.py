"""Lists of numbers for all operations of a step, as two arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """A list of numbers for each operation, one after another in ``flat``; that of i begins at ``first[i]``."""

    first: Integers
    flat: Integers

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Rows:
        """The same lists."""
        first = np.zeros(len(lists) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, lists), np.int64, len(lists)), out=first[1:])
        return cls(first, np.fromiter(chain.from_iterable(lists), np.int64, int(first[-1])))

    @cached_property
    def inverted(self) -> Rows:
        """For each operation, those whose lists have it, in issue order."""
        count = len(self.first) - 1
        first = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(self.flat, minlength=count), out=first[1:])
        return Rows(first, self._owners[np.argsort(self.flat, kind="stable")])

    def latest(self, cycles: Integers) -> Integers:
        """Of each operation, the highest of the ``cycles`` of those in its list, or 0; cycles are no less."""
        found = np.zeros(len(self.first) - 1, np.int64)
        filled = np.flatnonzero(np.diff(self.first))
        if filled.size:
            found[filled] = np.maximum.reduceat(cycles[self.flat], self.first[filled])
        return found

    def sums(self, of: Integers) -> Integers:
        """Of each operation, what those in its list add up to; ``of`` all numbers."""
        found = np.zeros(len(self.first) - 1, np.int64)
        np.add.at(found, self._owners, of[self.flat])
        return found

    @property
    def _owners(self) -> Integers:
        """Of each number in ``flat``, the operation whose list has it."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
