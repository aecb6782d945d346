"""The row of the DRAM channels, and the counters of DRAM bandwidth and of bytes kept on chip."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.reports.trace.levels import Level, dram_levels, resident_levels
from accelsim.reports.trace.tracks import BUFFERS_PROCESS, DRAM_PROCESS, DRAM_THREAD, Event
from accelsim.timing import DramModel, Timeline


def memory_events(program: Program, timeline: Timeline, hw: HardwareConfig) -> list[Event]:
    """Slices where DRAM has work, and both counters. Transfers are striped over all channels, which share one row."""
    load, peak = dram_levels(timeline), DramModel.of(hw).bytes_per_cycle
    return [
        *(_busy(level, peak) for level in load if level.operations),
        *_counter("Bandwidth used (bytes per cycle)", DRAM_PROCESS, load),
        *_counter("Resident (bytes)", BUFFERS_PROCESS, resident_levels(program, timeline)),
    ]


def _busy(level: Level, peak_bytes_per_cycle: float) -> Event:
    return {
        "ph": "X",
        "name": f"{level.operations} operation{'s' if level.operations > 1 else ''}",
        "cat": "dram",
        "pid": DRAM_PROCESS,
        "tid": DRAM_THREAD,
        "ts": level.start_cycle,
        "dur": level.end_cycle - level.start_cycle,
        "args": {"bytes_per_cycle": level.value, "share_of_bandwidth": level.value / peak_bytes_per_cycle},
    }


def _counter(name: str, process: int, levels: Sequence[Level]) -> list[Event]:
    """A sample at the start of every level, and a zero where the last one ends."""
    found = [_sample(name, process, level.start_cycle, level.value) for level in levels]
    return [*found, _sample(name, process, levels[-1].end_cycle, 0)] if levels else found


def _sample(name: str, process: int, cycle: float, value: float) -> Event:
    return {"ph": "C", "name": name, "pid": process, "tid": 0, "ts": cycle, "args": {"value": value}}
