"""Exact shares: totals cut along an axis, so that whole tiles get equal parts and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate


@dataclass(frozen=True)
class Cut:
    """An axis of ``length`` cut into whole tiles and a last one, which takes the rest."""

    length: int
    tile: int

    @cached_property
    def count(self) -> int:
        return -(-self.length // self.tile)

    def tile_length(self, last: bool) -> int:
        return self.length - (self.count - 1) * self.tile if last else self.tile

    def share(self, total: int, last: bool) -> int:
        """The part of ``total`` that belongs to a whole tile, rounded down, or to the last: all that remains."""
        whole = total * self.tile // self.length
        return total - (self.count - 1) * whole if last else whole


@dataclass(frozen=True)
class Place:
    """A kind of tile along an axis, and how many there are of it."""

    first: bool
    last: bool
    times: int


def places(count: int) -> tuple[Place, ...]:
    """The first, the middle and the last of ``count`` tiles."""
    if count == 1:
        return (Place(first=True, last=True, times=1),)
    ends = Place(first=True, last=False, times=1), Place(first=False, last=True, times=1)
    return ends if count == 2 else (ends[0], Place(first=False, last=False, times=count - 2), ends[1])


def split_by_weight(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in integers proportional to ``weights``, rounded so that their sum is exact."""
    whole = sum(weights)
    cumulative = [total * part // whole for part in accumulate(weights)]
    return [after - before for before, after in zip((0, *cumulative), cumulative, strict=False)]
