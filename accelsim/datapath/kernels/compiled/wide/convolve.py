"""Convolution of 16-bit codes as an implicit matrix product, exact in 64 bits: nothing is unfolded.

Sums of 32 bits are flushed into 64 bits after the steps that ``wide.weights`` finds for the operands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.border import bordered
from accelsim.datapath.kernels.compiled.convolve import Axes, Pair, borders_of, offsets
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.tile import LANES, STEP, step_offsets
from accelsim.datapath.kernels.compiled.wide.tile import PAIR, make_wide_tile
from accelsim.datapath.kernels.compiled.wide.weights import packed_words
from accelsim.datapath.kernels.compiled.workers import Workers

ROWS = 8
TILE_1, TILE_2 = make_wide_tile(ROWS, 1), make_wide_tile(ROWS, 2)


def convolve_words(
    workers: Workers,
    x: Any,
    w: Any,
    size: tuple[int, int],
    axes: Axes,
    largest: int,
) -> tuple[Any, int]:
    """``convolve`` of int16 or int8 x and w, on CPUs with AVX512-VNNI: int64 (batch, *size, out) and its peak.

    ``largest`` is the largest magnitude of x.
    """
    borders = borders_of(axes, x)
    image = bordered(workers, x, borders, PAIR, np.int16, zero=0)
    out = np.empty((x.shape[0], *size, w.shape[0]), dtype=np.int64)
    found = [0]
    for rows in axes[0]:
        for columns in axes[1]:
            if rows.taps and columns.taps:
                found += _share(workers, image, w, out, (rows, columns), (borders[0][0], borders[1][0]), largest)
            else:
                out[:, rows.first :: rows.step, columns.first :: columns.step] = 0
    return out, max(found)


def _share(workers: Workers, image: Any, w: Any, out: Any, axes: Pair, origin: tuple[int, int], largest: int) -> Any:
    """One pair of axes; returns the largest magnitudes that its slices found."""
    packed, ends = packed_words(w, axes, image.shape[3], largest)
    planes = packed.shape[2]
    source, target = (image.shape[2], PAIR * image.shape[3]), (out.shape[2], 8 * w.shape[0])
    before, left, right = offsets(axes, origin, source, target, ROWS)
    after = step_offsets(before.size, planes * LANES * STEP)

    def work(start: int, stop: int) -> int:
        return int(_run(image, packed, before, after, ends, out, left, right, start, stop))

    return workers.spread(image.shape[0] * -(-left.size // ROWS), ROWS * before.size * PAIR * planes, work)


@compiled
def _copy(source: Any, target: Any) -> None:
    for i in range(source.size):
        target[i] = source[i]


@compiled
def _run(
    image: Any,
    packed: Any,
    left_steps: Any,
    right_steps: Any,
    ends: Any,
    out: Any,
    left_rows: Any,
    out_rows: Any,
    start: int,
    stop: int,
) -> Any:
    """Tiles ``start`` to ``stop``, counted through all images; returns the largest magnitude stored.

    The last tile of an image starts early enough to be whole: it stores some sums a second time, unchanged.
    """
    outputs, steps, planes = out.shape[3], left_steps.size, packed.shape[2]
    tiles, step_bytes = -(-left_rows.size // ROWS), planes * LANES * STEP
    scratch, scratch_rows = np.empty((ROWS, LANES), dtype=np.int64), np.arange(ROWS) * (8 * LANES)
    # The maxima and minima of whole sums, and those of parts of sums, which nobody asks for.
    extremes, nothing = np.zeros((2, 2, LANES), dtype=np.int64), np.zeros(planes * LANES, dtype=np.int32)
    image_bytes, out_bytes = 2 * image[0].size, 8 * out[0].size
    flat, words = out.reshape(out.size), out[0].size
    for tile in range(start, stop):
        n = tile // tiles
        first = min((tile - n * tiles) * ROWS, left_rows.size - ROWS)
        left, rows = image.ctypes.data + n * image_bytes, left_rows.ctypes.data + 8 * first
        for block in range(packed.shape[0]):
            origin = block * LANES
            # Parts of sums stay with their thread, as the rows that a tile does over may be another thread's.
            direct = origin + LANES <= outputs and ends.size == 1
            if direct:
                target, places = out.ctypes.data + n * out_bytes + 8 * origin, out_rows.ctypes.data + 8 * first
            else:
                target, places = scratch.ctypes.data, scratch_rows.ctypes.data
            right, begin = packed.ctypes.data + block * steps * step_bytes, nothing.ctypes.data
            done = 0
            for end in ends:
                some, kept = end - done, -1 if done else 0
                peaks = extremes[0 if end == steps else 1].ctypes.data
                before, after = left_steps.ctypes.data + 8 * done, right_steps.ctypes.data + 8 * done
                if planes == 1:
                    TILE_1(left, rows, before, right, after, some, begin, target, places, peaks, kept)
                else:
                    TILE_2(left, rows, before, right, after, some, begin, target, places, peaks, kept)
                done = end
            if not direct:
                count = min(LANES, outputs - origin)
                for r in range(ROWS):
                    _copy(scratch[r, :count], flat[n * words + out_rows[first + r] // 8 + origin :])
    peak = np.int64(0)
    for lane in range(LANES):
        peak = max(peak, extremes[0, 0, lane], -extremes[0, 1, lane])
    return peak
