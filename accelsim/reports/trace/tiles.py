"""One slice for all tiles of an operation, inside its own: from the first work to the last.

What comes before is the first tile on its way in, what comes after the last one's results on their way out.
"""

from __future__ import annotations

from collections.abc import Mapping

from accelsim.reports.trace.tracks import Event
from accelsim.timing import OperationTiming, Timeline

MOST_TILED = 10_000
"""Of more operations with several tiles than this, the longest have such a slice."""
INSET_CYCLES = 0.75
"""Where it would begin or end with its operation it is so much shorter, so that arrows end at the operation."""
MOST_CUTS = 4
"""Of more kinds of products in an operation than this, the first show how they are cut."""


def tile_slices(timeline: Timeline, slices: Mapping[int, Event], most: int = MOST_TILED) -> list[Event]:
    """A begin and an end event for the tiles of each operation that has several, inside its own of ``slices``."""
    several = [timing for timing in timeline.operations if timing.index in slices and timing.pieces > 1]
    longest = sorted(several, key=lambda timing: (timing.start_cycle - timing.end_cycle, timing.index))[:most]
    pairs = (_tiles(timing, slices[timing.index]) for timing in sorted(longest, key=lambda timing: timing.index))
    return [event for begin, end in pairs if begin["ts"] < end["ts"] for event in (begin, end)]


def _tiles(timing: OperationTiming, around: Event) -> tuple[Event, Event]:
    """An end event takes the slice off its row, so that arrows which leave after it leave from the operation."""
    common = {"name": f"{timing.pieces} tiles", "cat": "tiles", "pid": around["pid"], "tid": around["tid"]}
    start = timing.start_cycle + max(INSET_CYCLES, timing.lead_in_cycles)
    end = timing.end_cycle - max(INSET_CYCLES, timing.lead_out_cycles)
    content = {"tiles": timing.pieces, "folds": around["args"]["folds"]} | _cuts(timing)
    return {"ph": "B", **common, "ts": start, "args": content}, {"ph": "E", **common, "ts": end}


def _cuts(timing: OperationTiming) -> dict[str, object]:
    """How products are cut; nothing for other work."""
    found = [
        {
            "products": choice.gemm.count,
            **{f"tile_{axis}": getattr(choice.tile, axis) for axis in "mkn"},
            "outer_axis": choice.outer,
        }
        for choice in timing.tiles[:MOST_CUTS]
    ]
    return {"cut": found} if found else {}
