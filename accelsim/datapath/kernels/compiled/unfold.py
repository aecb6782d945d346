"""A row of taps as channels, where an image has so few channels that a tap would fill a small part of a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.tile import LANES
from accelsim.datapath.kernels.compiled.workers import Workers

VECTORS = 2
"""Vectors of a tile's columns, at most."""


def is_worth_unfolding(channels: int, taps: int) -> bool:
    """True where the channels of a row of ``taps`` fill fewer vectors together than one after another."""
    return channels * taps <= VECTORS * LANES and -(-channels * taps // LANES) < taps


def unfolded(workers: Workers, x: Any, columns: int, taps: int, stride: int, before: int) -> Any:
    """int8 x (batch, height, width, channels) to (batch, height, columns, lanes): the codes that ``taps`` side by side
    see, tap by tap, 0 beyond the image, and codes of no meaning up to whole vectors."""
    batch, height, _, channels = x.shape
    lanes = -(-channels * taps // LANES) * LANES
    out = np.empty((batch, height, columns, lanes), dtype=np.int8)

    def work(start: int, stop: int) -> None:
        _unfold(x[start:stop], out[start:stop], stride * channels, before * channels)

    workers.spread(batch, height * columns * lanes, work)
    return out


@compiled
def _unfold(x: Any, out: Any, step: int, before: int) -> None:
    """``step`` and ``before`` in codes of a line."""
    batch, height, width, channels = x.shape
    columns, lanes = out.shape[2], out.shape[3]
    size, lines = width * channels, batch * height
    codes, seen = x.reshape((lines, size)), out.reshape((lines, columns * lanes))
    line = np.zeros(max(before + size, (columns - 1) * step + lanes), dtype=np.int8)
    for at in range(lines):
        line[before : before + size] = codes[at]
        for column in range(columns):
            source, target = line[column * step :], seen[at, column * lanes :]
            for lane in range(lanes):
                target[lane] = source[lane]
