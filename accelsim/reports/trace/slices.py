"""One slice an operation, on the row of the unit that it held."""

from __future__ import annotations

from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program
from accelsim.reports.trace.tracks import UNITS_PROCESS, Event, unit_threads
from accelsim.timing import OperationTiming, Timeline
from accelsim.timing.analysis.critical_path import CriticalPath, critical_path
from accelsim.timing.analysis.cycle_counts import cycle_counts
from accelsim.timing.analysis.fold_counts import fold_count
from accelsim.timing.analysis.instances import assign_instances

MOST_SLICES = 50_000
"""Of more operations than this, the longest are shown."""


def shown_operations(timeline: Timeline, most: int = MOST_SLICES) -> list[int]:
    """Operations that take time, in issue order; of more than ``most``, the longest."""
    timed = [timing for timing in timeline.operations if timing.end_cycle > timing.start_cycle]
    longest = sorted(timed, key=lambda timing: (timing.start_cycle - timing.end_cycle, timing.index))[:most]
    return sorted(timing.index for timing in longest)


def operation_slices(
    program: Program, timeline: Timeline, hw: HardwareConfig, shown: list[int], path: CriticalPath | None = None
) -> dict[int, Event]:
    """A complete event for each of the ``shown`` operations, by index; its arguments are what it did and moved.

    ``path``: the critical path of ``timeline``, where known.
    """
    threads, places = unit_threads(hw), assign_instances(program, timeline)
    slack, array = (path or critical_path(program, timeline)).slack_cycles, hw.mac_array
    found = {}
    for index in shown:
        operation, place = program.operations[index], places[index]
        if place is not None:
            timing, folds = (
                timeline.operations[index],
                fold_count(program, operation, timeline.operations[index], array),
            )
            content = _content(operation, timing, slack[index]) | {"tiles": timing.pieces, "folds": folds}
            thread = threads[operation.unit, place]
            found[index] = _slice(operation, timeline.operations[index], thread, content)
    return found


def _slice(operation: Operation, timing: OperationTiming, thread: int, content: dict[str, object]) -> Event:
    return {
        "ph": "X",
        "name": operation.name,
        "cat": str(operation.phase),
        "pid": UNITS_PROCESS,
        "tid": thread,
        "ts": timing.start_cycle,
        "dur": timing.end_cycle - timing.start_cycle,
        "args": content,
    }


def _content(operation: Operation, timing: OperationTiming, slack_cycles: int) -> dict[str, object]:
    return {
        "index": operation.index,
        "macs": operation.macs,
        **cycle_counts(timing),
        "slack_cycles": slack_cycles,
        "dram_read_bytes": timing.dram_read_bytes,
        "dram_write_bytes": timing.dram_write_bytes,
        "sram_read_bytes": timing.sram.read_bytes,
        "sram_write_bytes": timing.sram.write_bytes,
    }
