"""Candidate tilings of a product, one or many, with bounds that need no simulation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from accelsim.timing.mapping.holding import Floats, Numbers
from accelsim.timing.mapping.loop_nest import Outer


class Candidate(NamedTuple):
    """``bound``: the least cycles that it could take; ``rest``: DRAM traffic in bytes and steps; ``tile``: m, k and n.

    ``held``: levels that hold what is swept of left and right operand.
    """

    bound: float
    rest: tuple[float, float]
    tile: list[int]
    outer: Outer
    held: tuple[int, int]


class Candidates(NamedTuple):
    """Many of them, an entry each; ``traffic`` is that of DRAM in bytes."""

    bounds: Floats
    traffic: Floats
    steps: Floats
    tiles: Numbers
    n_outside: npt.NDArray[np.bool_]
    held: Numbers

    @classmethod
    def joined(cls, parts: Sequence[Candidates]) -> Candidates:
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def one(self, number: int) -> Candidate:
        left, right = self.held[number].tolist()
        outer: Outer = "n" if self.n_outside[number] else "m"
        bound, *rest = (float(column[number]) for column in (self.bounds, self.traffic, self.steps))
        return Candidate(bound, (rest[0], rest[1]), self.tiles[number].tolist(), outer, (left, right))

    def all(self) -> Iterator[Candidate]:
        return map(self.one, range(self.bounds.size))
