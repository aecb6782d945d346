"""Flow arrows from an operation to those that wait for it."""

from __future__ import annotations

from collections.abc import Mapping

from accelsim.program import Program
from accelsim.reports.trace.tracks import Event
from accelsim.timing.placement.epilogues import Drained
from accelsim.timing.scheduling.ordering import predecessors

MOST_ARROWS = 10_000
"""With more dependencies than this, an operation keeps the arrow from the one that ended last; of more operations than
this, the longest do."""
INSIDE_CYCLES = 0.5
"""Arrows leave this long before a slice ends and arrive this long after one starts, so that they lie inside."""


def dependency_arrows(
    program: Program, drained: Drained, slices: Mapping[int, Event], most: int = MOST_ARROWS
) -> list[Event]:
    """A start and an end event for each arrow between two of the ``slices``, at most ``most`` arrows.

    ``drained``: tensors that are used as they drain, so that what streams in beside them is waited for, too.
    """
    pairs = [(i, j) for j, needed in _needed_slices(program, drained, slices).items() for i in needed]
    if len(pairs) > most:
        pairs = _binding(pairs, slices, most)
    return [event for number, pair in enumerate(pairs, start=1) for event in _arrow(number, *pair, slices)]


def _needed_slices(program: Program, drained: Drained, slices: Mapping[int, Event]) -> dict[int, list[int]]:
    """Slices that each slice waits for, directly or through operations that have none."""
    visible: list[set[int]] = []
    for needed in predecessors(program, drained):
        visible.append(set().union(*({i} if i in slices else visible[i] for i in needed)))
    return {index: sorted(visible[index]) for index in slices}


def _binding(pairs: list[tuple[int, int]], slices: Mapping[int, Event], most: int) -> list[tuple[int, int]]:
    last: dict[int, int] = {}
    for earlier, later in pairs:
        if later not in last or _end(slices[earlier]) > _end(slices[last[later]]):
            last[later] = earlier
    kept = sorted(last, key=lambda index: (-slices[index]["dur"], index))[:most]
    return [(last[index], index) for index in sorted(kept)]


def _arrow(number: int, earlier: int, later: int, slices: Mapping[int, Event]) -> tuple[Event, Event]:
    source, target = slices[earlier], slices[later]
    common = {"name": "dependency", "cat": "dependency", "id": number}
    leaves = {"ph": "s", **common, **_row(source), "ts": _end(source) - INSIDE_CYCLES}
    return leaves, {"ph": "f", "bp": "e", **common, **_row(target), "ts": target["ts"] + INSIDE_CYCLES}


def _row(event: Event) -> Event:
    return {"pid": event["pid"], "tid": event["tid"]}


def _end(event: Event) -> int:
    return int(event["ts"]) + int(event["dur"])
