"""Sums and extremes of a slice of rows, and how those of all slices are put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import channels


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
    high, low = (np.empty(count, dtype=x.dtype) for _ in range(2))
    places = np.empty((2, count), dtype=np.int64)
    channels.extremes(x, high, low, places)
    return high, low, places + first


def joined(found: list[tuple[Any, Any, Any]]) -> tuple[Any, Any, Any]:
    """The extremes of all slices, in order: of equal ones the first counts."""
    if len(found) == 1:
        return found[0]
    highs, lows, places = (np.stack(part) for part in zip(*found, strict=True))
    # argmax and argmin take the first slice of equal ones.
    best, columns = np.stack([highs.argmax(axis=0), lows.argmin(axis=0)]), np.arange(highs.shape[1])
    return highs[best[0], columns], lows[best[1], columns], places[best, [[0], [1]], columns]
