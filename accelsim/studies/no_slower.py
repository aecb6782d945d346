"""More hardware never makes a step longer among machines that are compared: what would is run as the one with less.

A schedule is the shortest of many and not of all, so a machine with more of something may end later than one with
less. It needn't: it can leave idle what it has beyond, which gives the cycles of the other one, at its own energy and
area. So after all of a sweep or a comparison are timed, each runs as the fastest of those that it has all of, where
that one is faster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from accelsim.hardware import HardwareConfig, has_at_least


class Timed(NamedTuple):
    """A machine, what it worked on (machines are compared on the same work only), and how long that took."""

    hw: HardwareConfig
    work: Hashable
    cycles: int


def machines_to_run_as(timed: Sequence[Timed]) -> Mapping[int, int]:
    """Of each machine that another one with no more of anything is faster than: that one, the fastest of them.

    By index. One round is enough: what that one could run as, the first one could, too.
    """
    found = {}
    for indices in _by_work(timed).values():
        ranked = sorted(indices, key=lambda index: timed[index].cycles)
        for index in ranked:
            other = _fastest_within(index, ranked, timed)
            if other is not None:
                found[index] = other
    return found


def _by_work(timed: Sequence[Timed]) -> Mapping[Hashable, list[int]]:
    groups = defaultdict(list)
    for index, one in enumerate(timed):
        groups[one.work].append(index)
    return groups


def _fastest_within(index: int, ranked: Sequence[int], timed: Sequence[Timed]) -> int | None:
    """The first of ``ranked``, fastest first, that is faster than ``index`` and has no more than it has."""
    for other in ranked:
        if timed[other].cycles >= timed[index].cycles:
            return None
        if has_at_least(timed[index].hw, timed[other].hw):
            return other
    return None
