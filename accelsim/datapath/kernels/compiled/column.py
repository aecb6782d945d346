"""Sums and extremes of a slice of rows, and how those of all slices are put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import channels
from accelsim.datapath.kernels.compiled.jit import compiled


def lane_sums(x: Any) -> Any:
    """Sums of each lane of (rows, lanes), int64; sums of bytes and of 16-bit codes gather in 32 bits first."""
    free = 32 - 8 * x.dtype.itemsize
    narrow = free > 0
    total = np.zeros(x.shape[1], dtype=np.int64)
    partial = np.zeros(x.shape[1], dtype=np.int32 if narrow else np.int64)
    channels.channel_sums(x, partial, (1 << free) - 1 if narrow else x.shape[0], total)
    return total


def first_extremes(x: Any, count: int, first: int) -> tuple[Any, Any, Any]:
    """Largest and smallest code of each of ``count`` channels of (rows, lanes), and the first narrow rows where they
    stand (2, channels), when the slice begins with narrow row ``first``."""
    high, low = np.empty(count, dtype=x.dtype), np.empty(count, dtype=x.dtype)
    places = np.empty((2, count), dtype=np.int64)
    channels.extremes(x, high, low, places)
    if first:
        places += first
    return high, low, places


def added(parts: list[Any]) -> Any:
    """The sum of what all slices found."""
    return sum(parts[1:], parts[0])


def folded(lanes: Any, count: int) -> Any:
    """Sums of each of ``count`` channels, int64, from those of the lanes of a few rows side by side."""
    if lanes.shape[-1] == count:
        return lanes
    out = np.zeros((*lanes.shape[:-1], count), dtype=np.int64)
    _fold(lanes.reshape(-1), lanes.shape[-1], out.reshape(-1), count)
    return out


def folded_extremes(ends: Any, count: int) -> Any:
    """The largest and the smallest code of each channel (2, channels), from those of the lanes (2, lanes)."""
    if ends.shape[1] == count:
        return ends
    out = ends[:, :count].copy()
    _fold_extremes(ends, out)
    return out


@compiled
def _fold(lanes: Any, width: int, out: Any, count: int) -> None:
    """Of every line of ``width`` lanes."""
    for line in range(lanes.size // width):
        for i in range(width):
            out[line * count + i % count] += lanes[line * width + i]


@compiled
def _fold_extremes(ends: Any, out: Any) -> None:
    for i in range(out.shape[1], ends.shape[1]):
        c = i % out.shape[1]
        out[0, c], out[1, c] = max(out[0, c], ends[0, i]), min(out[1, c], ends[1, i])


@compiled
def chunk_ranges(high: Any, low: Any, total: Any, highest: Any, lowest: Any) -> None:
    """From the extremes of each chunk (chunks, channels): the sum of their ranges, and the extremes of all chunks."""
    for c in range(total.size):
        total[c], highest[c], lowest[c] = 0, high[0, c], low[0, c]
        for k in range(high.shape[0]):
            total[c] += np.int64(high[k, c]) - np.int64(low[k, c])
            highest[c], lowest[c] = max(highest[c], high[k, c]), min(lowest[c], low[k, c])


def joined(found: list[tuple[Any, Any, Any]]) -> tuple[Any, Any, Any]:
    """The extremes of all slices, in order: of equal ones the first counts. Those of the first slice are written."""
    for later in found[1:]:
        _join(*found[0], *later)
    return found[0]


@compiled
def _join(high: Any, low: Any, places: Any, later_high: Any, later_low: Any, later_places: Any) -> None:
    for c in range(high.size):
        if later_high[c] > high[c]:
            high[c], places[0, c] = later_high[c], later_places[0, c]
        if later_low[c] < low[c]:
            low[c], places[1, c] = later_low[c], later_places[1, c]


@compiled
def widened(ends: Any, later: Any) -> None:
    """Take the extremes ``later`` (2, lanes) into ``ends``."""
    for lane in range(ends.shape[1]):
        ends[0, lane], ends[1, lane] = max(ends[0, lane], later[0, lane]), min(ends[1, lane], later[1, lane])
