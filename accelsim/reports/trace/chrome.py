"""The trace file: Chrome's trace event format as JSON, packed with gzip.

Its size follows the number of operations, however long they run: an operation is one slice with its counts and one
for all its tiles, and slices, arrows and counters have limits of their own.
"""

from __future__ import annotations

import gzip
import json

from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.reports.trace.arrows import MOST_ARROWS, dependency_arrows
from accelsim.reports.trace.levels import MOST_LEVELS
from accelsim.reports.trace.memory import memory_events
from accelsim.reports.trace.slices import MOST_SLICES, operation_slices, shown_operations
from accelsim.reports.trace.tiles import MOST_TILED, tile_slices
from accelsim.reports.trace.tracks import MOST_CHANNELS, Event, names
from accelsim.timing import Timeline
from accelsim.timing.analysis.critical_path import CriticalPath

LEVEL = 6
"""Of compression: 9 makes the file a twelfth smaller and takes twice as long."""
RULES = {
    "time": "1 us in the viewer is one clock cycle",
    "slices": f"an operation each, while it holds its unit; of more than {MOST_SLICES} the longest; conversions in the "
    f"drain of a product take no time and have none. Inside, one for all tiles of an operation (of {MOST_TILED} at "
    "most), from the first work to the last",
    "arrows": f"all dependencies; of more than {MOST_ARROWS}, for each operation the one that ended last",
    "dram": "a division that DRAM could have served, not a record: the bytes of an operation are spread evenly over "
    "its time, from its first fetch on, as far as the peak allows, and by earliest deadline first where it doesn't. "
    f"Transfers are striped over all channels: up to {MOST_CHANNELS} of them have rows, which are alike",
    "buffers": "tiles that operations at work hold at their fullest, two of each where buffers are double-buffered; "
    "operations side by side don't compete for that room, so together they may hold more than a buffer has; tensors "
    "that stay on chip between operations (resident) share the room of the operand buffers",
    "counters": f"a sample for each change; of more than {MOST_LEVELS}, equal stretches of time: mean bandwidth, most "
    "bytes resident",
}
"""How to read the trace, and what its limits leave out; stands in the file."""


def chrome_trace(program: Program, timeline: Timeline, hw: HardwareConfig, path: CriticalPath | None = None) -> bytes:
    """The trace of a simulated step; equal arguments give equal bytes. ``path``: its critical path, where known."""
    content = {"traceEvents": trace_events(program, timeline, hw, path), "otherData": {"hwconfig": hw.name, **RULES}}
    return gzip.compress(json.dumps(content, separators=(",", ":")).encode(), LEVEL, mtime=0)


def trace_events(
    program: Program, timeline: Timeline, hw: HardwareConfig, path: CriticalPath | None = None
) -> list[Event]:
    """Names of the rows, then all other events by time."""
    slices = operation_slices(program, timeline, hw, shown_operations(timeline), path)
    events = [
        *slices.values(),
        *tile_slices(timeline, slices),
        *memory_events(program, timeline, hw),
        *dependency_arrows(program, timeline.residency.drained, slices),
    ]
    return [*names(hw), *sorted(events, key=lambda event: float(event["ts"]))]
