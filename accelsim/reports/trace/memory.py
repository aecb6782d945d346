"""The rows of the DRAM channels, and the counters of DRAM bandwidth and of what the on-chip buffers hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.reports.trace.levels import MOST_LEVELS, Level, dram_levels, resident_levels, tile_levels
from accelsim.reports.trace.tracks import BUFFERS_PROCESS, DRAM_PROCESS, Event, channel_rows
from accelsim.timing import DramModel, Timeline
from accelsim.timing.analysis.buffer_fill import buffer_fills
from accelsim.timing.analysis.dram_division import Stretch, dram_division

BANDWIDTH = "Bandwidth used, as divided (bytes per cycle)"
"""Name of its counter."""
MOST_CHANNEL_SLICES = 16_000
"""On the rows of all channels together."""


def memory_events(program: Program, timeline: Timeline, hw: HardwareConfig) -> list[Event]:
    """Slices where DRAM has work, on the row of each channel, and all counters."""
    stretches = dram_division(timeline.operations, DramModel.of(hw).exact_bytes_per_cycle)
    found = [*_channel_slices(stretches, hw)]
    found += _counter(BANDWIDTH, DRAM_PROCESS, dram_levels(stretches))
    for name, levels in _fills(program, timeline, hw):
        found += _counter(f"{name} (bytes)", BUFFERS_PROCESS, levels)
    return found


def _channel_slices(stretches: Sequence[Stretch], hw: HardwareConfig) -> Iterator[Event]:
    """Every transfer is striped over all channels, so that the rows are alike."""
    peak, rows = DramModel.of(hw).bytes_per_cycle, channel_rows(hw)
    for level in dram_levels(stretches, min(MOST_LEVELS, MOST_CHANNEL_SLICES // len(rows))):
        if level.operations:
            for thread in rows:
                yield _busy(level, thread, len(rows), peak)


def _busy(level: Level, thread: int, rows: int, peak_bytes_per_cycle: float) -> Event:
    return {
        "ph": "X",
        "name": f"{level.operations} operation{'s' if level.operations > 1 else ''}",
        "cat": "dram",
        "pid": DRAM_PROCESS,
        "tid": thread,
        "ts": level.start_cycle,
        "dur": level.end_cycle - level.start_cycle,
        "args": {"bytes_per_cycle": level.value / rows, "share_of_bandwidth": level.value / peak_bytes_per_cycle},
    }


def _fills(program: Program, timeline: Timeline, hw: HardwareConfig) -> Iterator[tuple[str, list[Level]]]:
    """What each operand buffer has of tiles, what they have of residents together, and what each level has of them."""
    fills = buffer_fills(program, timeline, hw)
    yield "Input buffer: tiles", tile_levels(timeline, (fill.input_bytes for fill in fills))
    yield "Weight buffer: tiles", tile_levels(timeline, (fill.weight_bytes for fill in fills))
    yield "Output buffer: tiles", tile_levels(timeline, (fill.output_bytes for fill in fills))
    yield "Operand buffers: resident", resident_levels(program, timeline, 0)
    for number, name in enumerate(timeline.residency.level_names, start=1):
        yield f"{name}: resident", resident_levels(program, timeline, number)


def _counter(name: str, process: int, levels: Sequence[Level]) -> list[Event]:
    """A sample at the start of every level, and a zero where the last one ends."""
    found = [_sample(name, process, level.start_cycle, level.value) for level in levels]
    return [*found, _sample(name, process, levels[-1].end_cycle, 0)] if levels else found


def _sample(name: str, process: int, cycle: float, value: float) -> Event:
    return {"ph": "C", "name": name, "pid": process, "tid": 0, "ts": cycle, "args": {"value": value}}
