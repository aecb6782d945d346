"""The rows of a trace: process and thread numbers, and their names."""

from __future__ import annotations

from typing import Any

from accelsim.hardware import HardwareConfig
from accelsim.program import Unit
from accelsim.reports.palette import UNITS
from accelsim.timing import DramModel
from accelsim.timing.analysis.instances import instances_of

Event = dict[str, Any]
"""One event of the trace; times are clock cycles."""

UNITS_PROCESS, DRAM_PROCESS, BUFFERS_PROCESS = 1, 2, 3
MOST_CHANNELS = 16
"""More than these share one row: transfers are striped, so that all do the same."""


def unit_threads(hw: HardwareConfig) -> dict[tuple[Unit, int], int]:
    """Thread number of each unit, by kind and place among its equals."""
    places = [(unit, place) for unit in Unit for place in range(instances_of(unit, hw))]
    return {key: number for number, key in enumerate(places, start=1)}


def channel_rows(hw: HardwareConfig) -> dict[int, str]:
    """Titles of the rows of DRAM by thread number: one for each channel, or one for all of many."""
    channels = DramModel.of(hw).channels
    if channels > MOST_CHANNELS:
        return {1: f"{channels} channels, striped"}
    return {number: f"Channel {number}" if channels > 1 else "Channel" for number in range(1, channels + 1)}


def names(hw: HardwareConfig) -> list[Event]:
    """Metadata events that name every process and thread, in the order of the rows."""
    processes = {UNITS_PROCESS: "Units", DRAM_PROCESS: "DRAM", BUFFERS_PROCESS: "On-chip buffers"}
    found = [_named("process_name", process, 0, title) for process, title in processes.items()]
    for (unit, place), thread in unit_threads(hw).items():
        number = f" {place + 1}" if instances_of(unit, hw) > 1 else ""
        found.append(_named("thread_name", UNITS_PROCESS, thread, UNITS[unit] + number))
        found.append(_meta("thread_sort_index", UNITS_PROCESS, thread, {"sort_index": thread}))
    return found + [_named("thread_name", DRAM_PROCESS, *row) for row in channel_rows(hw).items()]


def _named(kind: str, process: int, thread: int, title: str) -> Event:
    return _meta(kind, process, thread, {"name": title})


def _meta(kind: str, process: int, thread: int, content: dict[str, object]) -> Event:
    return {"ph": "M", "name": kind, "pid": process, "tid": thread, "args": content}
