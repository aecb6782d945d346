"""Float32 convolution as an implicit matrix product: one image after another is bordered, nothing is unfolded.

Every output is a sum over taps, row by row, and over input channels within a tap; borders are terms like others. Runs
of ``RUN`` terms are chains of fused multiply-adds that start from 0, and their sums are added in order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath.kernels.compiled.convolve import Axes, Pair
from accelsim.datapath.kernels.compiled.floats.tile import (
    LANES,
    ROWS,
    fetch,
    float_tile,
    plane,
    vectors_for,
)
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.memory import LINE, aligned
from accelsim.datapath.kernels.compiled.tile import step_offsets
from accelsim.datapath.kernels.compiled.workers import Workers

RUN = 512
"""Terms of a chain: its right operand stays in the cache while all tiles of an image read it."""
POSITIONS = 64
"""Images so small that they have fewer positions are taken several at a time."""


def float_convolve(workers: Workers, x: Any, w: Any, size: tuple[int, int], axes: Axes) -> Any:
    """float32 x (batch, height, width, in) with w (out, rows, columns, in): float32 (batch, *size, out).

    Every pair of a row axis and a column axis makes its share of the output; together they make all of it.
    """
    x = np.ascontiguousarray(x)
    out = np.empty((x.shape[0], *size, w.shape[0]), dtype=np.float32)
    for rows in axes[0]:
        for columns in axes[1]:
            if rows.taps and columns.taps:
                _share(workers, x, w, out, (rows, columns))
            else:
                out[:, rows.first :: rows.step, columns.first :: columns.step] = 0
    return out


class Places(NamedTuple):
    """Where one pair of axes reads and writes, for the images that are taken together.

    ``shape`` is that of the bordered images, ``origin`` the place of the image's corner in it; ``is_direct`` where
    there is no border. Byte offsets from a window's start to each step, from the start of the images to each window,
    and to each window's result.
    """

    shape: tuple[int, int, int, int]
    is_direct: bool
    origin: tuple[int, int]
    steps: Any
    left: Any
    right: Any


@lru_cache(maxsize=256)
def _places(axes: Pair, image: tuple[int, int, int], out: tuple[int, int, int], most: int) -> Places:
    rows, columns = axes
    channels = image[2]
    (top, bottom), (before, after) = rows.borders(image[0]), columns.borders(image[1])
    height, width = image[0] + top + bottom, image[1] + before + after
    together = max(1, min(most, POSITIONS // (rows.count * columns.count)))
    images = np.arange(together)[:, None]
    taps = plane(np.array(rows.shifts) + top, np.array(columns.shifts) + before, width)
    steps = (taps[:, None] * channels + np.arange(channels)).reshape(-1) * 4
    left = plane(
        images * height + np.arange(rows.count) * rows.stride, np.arange(columns.count) * columns.stride, width
    )
    lines = images * out[0] + rows.first + np.arange(rows.count) * rows.step
    right = plane(lines, columns.first + np.arange(columns.count) * columns.step, out[1])
    shape = together, height, width, channels
    return Places(shape, shape[1:] == image, (top, before), steps, left * (4 * channels), right * (4 * out[2]))


def _share(workers: Workers, x: Any, w: Any, out: Any, axes: Pair) -> None:
    """One pair of axes."""
    places = _places(axes, x.shape[1:], out.shape[1:], x.shape[0])
    vectors = vectors_for(w.shape[0])
    packed = _packed_weights(w, axes, vectors * LANES)
    after = step_offsets(places.steps.size, 4 * vectors * LANES)
    together = places.shape[0]

    def work(start: int, stop: int) -> None:
        bordered = aligned((0, *places.shape[1:]) if places.is_direct else places.shape, np.float32)
        bordered[:] = 0
        offsets = places.steps, after, places.left, places.right
        _run(x, bordered, places.is_direct, places.origin, packed, *offsets, out, together, start, stop)

    workers.spread(x.shape[0], places.left.size // together * places.steps.size, work, multiple=together)


def _packed_weights(w: Any, axes: Pair, group: int) -> Any:
    """Right operand (blocks, steps, columns), 0 in columns without an output."""
    rows, columns = axes
    taken = w[:, np.array(rows.taps)[:, None], np.array(columns.taps)].reshape(w.shape[0], -1)
    blocks = -(-w.shape[0] // group)
    packed = aligned((blocks, taken.shape[1], group), np.float32)
    for block in range(blocks):
        part = taken[block * group : (block + 1) * group]
        packed[block, :, : part.shape[0]] = part.T
        packed[block, :, part.shape[0] :] = 0
    return packed


@compiled
def border(x: Any, first: int, some: int, bordered: Any, origin: Any) -> None:
    """Images ``first`` to ``first + some`` into the middle of ``bordered``, whose borders stay as they are."""
    _, height, width, channels = x.shape
    size, start = width * channels, origin[1] * channels
    for n in range(some):
        for y in range(height):
            target = bordered[n, y + origin[0]].reshape(bordered.shape[2] * channels)[start : start + size]
            source = x[first + n, y].reshape(size)
            for i in range(size):
                target[i] = source[i]


@compiled
def _run(
    x: Any,
    bordered: Any,
    direct: bool,
    origin: Any,
    packed: Any,
    left_steps: Any,
    right_steps: Any,
    left_rows: Any,
    out_rows: Any,
    out: Any,
    together: int,
    start: int,
    stop: int,
) -> None:
    """Images ``start`` to ``stop``; ``direct`` where the images themselves are read, having no borders."""
    blocks, terms, group = packed.shape
    each, outputs = left_rows.size // together, out.shape[3]
    scratch, scratch_rows = np.empty((ROWS, group), dtype=np.float32), np.arange(ROWS) * (4 * group)
    last_left, last_out = np.empty(ROWS, dtype=np.int64), np.empty(ROWS, dtype=np.int64)
    before, after, places = left_steps.ctypes.data, right_steps.ctypes.data, scratch_rows.ctypes.data
    ahead_bytes = 0 if direct else 4 * x[0].size // each
    for n in range(start, stop, together):
        some = min(together, stop - n)
        rows, left, target = some * each, x.ctypes.data + 4 * n * x[0].size, out.ctypes.data + 4 * n * out[0].size
        if not direct:
            left = bordered.ctypes.data
            border(x, n, some, bordered, origin)
        # While tiles compute, the images that are bordered next come closer, in equal shares.
        following = x.ctypes.data + 4 * (n + some) * x[0].size
        # Rows past the last one repeat it.
        edge = rows - rows % ROWS
        for r in range(ROWS):
            last = min(edge + r, rows - 1)
            last_left[r], last_out[r] = left_rows[last], out_rows[last]
        results = out[n : n + some].reshape(some * out[0].size)
        for begin in range(0, terms, RUN):
            steps, ahead = min(RUN, terms - begin), before + 8 * begin
            for block in range(blocks):
                right, origin_out = packed.ctypes.data + 4 * group * (block * terms + begin), block * group
                columns = min(group, outputs - origin_out)
                for first in range(0, rows, ROWS):
                    if ahead_bytes and block == 0 and begin == 0:
                        share = following + first * ahead_bytes
                        for byte in range(0, ROWS * ahead_bytes, LINE):
                            fetch(share + byte)
                    base, made = left_rows.ctypes.data + 8 * first, out_rows.ctypes.data + 8 * first
                    if first == edge:
                        base, made = last_left.ctypes.data, last_out.ctypes.data
                    if columns == group:
                        float_tile(group, left, base, ahead, right, after, steps, target + 4 * origin_out, made, begin)
                        continue
                    float_tile(group, left, base, ahead, right, after, steps, scratch.ctypes.data, places, 0)
                    for r in range(min(ROWS, rows - first)):
                        place = out_rows[first + r] // 4 + origin_out
                        found = results[place : place + columns]
                        if begin == 0:
                            found[:] = np.float32(0)
                        for c in range(columns):
                            found[c] += scratch[r, c]
