"""Exact shares: totals cut along an axis, so that whole tiles get equal parts and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Generic, TypeVar

from accelsim.timing.mapping.holding import Numbers

N = TypeVar("N", int, Numbers)
"""A number, or one for each of many tiles."""


@dataclass(frozen=True)
class Cut(Generic[N]):
    """An axis of ``length`` cut into whole tiles and a last one, which takes the rest; or cut in many ways."""

    length: int
    tile: N

    @cached_property
    def count(self) -> N:
        return -(-self.length // self.tile)

    def tile_length(self, last: bool) -> N:
        return self.length - (self.count - 1) * self.tile if last else self.tile

    def share(self, total: N | int, last: bool) -> N:
        """The part of ``total`` that belongs to a whole tile, rounded down, or to the last: all that remains."""
        whole = total * self.tile // self.length
        return total - (self.count - 1) * whole if last else whole

    @property
    def parts(self) -> tuple[tuple[bool, N | int], ...]:
        """Whole tiles and the last one: whether it is, and how many there are."""
        return (False, self.count - 1), (True, 1)

    def left_over(self, total: N) -> N:
        """What is over where the last tile's part is rounded down, too: less than one for each tile before it."""
        return total - (self.count - 1) * self.share(total, last=False) - self._down(total, last=True)

    def spread(self, total: N, tile: int) -> N:
        """The part of a tile, by its number, where each of the first ones has one of what is over.

        None has less of a larger total.
        """
        last = tile == self.count - 1
        return self._down(total, last) + (tile < self.left_over(total))

    def _down(self, total: N, last: bool) -> N:
        return total * self.tile_length(last) // self.length

    def even(self, total: N, last: bool) -> N:
        """The part of a whole tile, or of the last, each rounded up, so that their sum may be above the total."""
        return -(-total * self.tile_length(last) // self.length)


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
