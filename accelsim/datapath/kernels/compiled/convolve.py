"""Convolution as an implicit matrix product on int32 tiles: nothing is unfolded.

The left operand is made unsigned by adding 128 (borders included, so they are 128); 128 times the sum of the
weights is taken off the result. All sums are exact modulo 2**32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath.kernels.compiled.border import bordered
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.loops import relu_backward
from accelsim.datapath.kernels.compiled.memory import aligned
from accelsim.datapath.kernels.compiled.tile import LANES, STEP, make_tile, step_offsets
from accelsim.datapath.kernels.compiled.workers import Workers

ROWS = 8
NATIVE_1, NATIVE_2 = (make_tile(ROWS, columns, tracked=True) for columns in (1, 2))
PLAIN_1, PLAIN_2 = (make_tile(ROWS, columns, tracked=True, native=False) for columns in (1, 2))
MASKED_1, MASKED_2 = (make_tile(ROWS, columns, tracked=True, masked=True) for columns in (1, 2))


@dataclass(frozen=True)
class Axis:
    """Along one axis: output ``first + n * step`` sums, over its taps, input ``n * stride + shift`` times a weight."""

    count: int
    first: int
    step: int
    stride: int
    shifts: tuple[int, ...]
    taps: tuple[int, ...]

    @cached_property
    def _hash(self) -> int:
        return hash((self.count, self.first, self.step, self.stride, self.shifts, self.taps))

    def __hash__(self) -> int:
        """Asked for by every call of a product."""
        return self._hash

    def borders(self, size: int) -> tuple[int, int]:
        """Positions read before and after an input of ``size``."""
        if not self.shifts or not self.count:
            return 0, 0
        last = (self.count - 1) * self.stride + max(self.shifts)
        return max(0, -min(self.shifts)), max(0, last + 1 - size)


@lru_cache(maxsize=256)
def forward_axis(size: int, kernel: int, stride: int, padding: int) -> tuple[Axis, ...]:
    """An axis of a convolution."""
    taps = tuple(range(kernel))
    count = (size + 2 * padding - kernel) // stride + 1
    return (Axis(count, 0, 1, stride, tuple(tap - padding for tap in taps), taps),)


@lru_cache(maxsize=256)
def transposed_axis(size: int, kernel: int, stride: int, padding: int) -> tuple[Axis, ...]:
    """An axis of a data gradient: each residue of the output position modulo the stride has its own taps."""
    axes = []
    for residue in range(min(stride, size)):
        taps = tuple(tap for tap in range(kernel) if (residue + padding - tap) % stride == 0)
        shifts = tuple((residue + padding - tap) // stride for tap in taps)
        axes.append(Axis(len(range(residue, size, stride)), residue, stride, 1, shifts, taps))
    return tuple(axes)


Axes = tuple[tuple[Axis, ...], tuple[Axis, ...]]
"""All axes of rows and all of columns, whose pairs make the output between them."""
Pair = tuple[Axis, Axis]
"""One of each."""


def forward_axes(x: Any, w: Any, stride: tuple[int, int], padding: tuple[int, int]) -> Axes:
    """Axes of the convolution of x (batch, height, width, in) with w (out, rows, columns, in)."""
    rows, columns = (forward_axis(x.shape[i + 1], w.shape[i + 1], stride[i], padding[i]) for i in range(2))
    return rows, columns


def transposed_axes(size: tuple[int, int], w: Any, stride: tuple[int, int], padding: tuple[int, int]) -> Axes:
    """Axes of the gradient of an input of ``size`` (height, width)."""
    rows, columns = (transposed_axis(size[i], w.shape[i + 1], stride[i], padding[i]) for i in range(2))
    return rows, columns


def borders_of(axes: Axes, x: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Positions read around x (batch, height, width, in): before and after its lines, then its columns."""
    return _borders(axes[0], x.shape[1]), _borders(axes[1], x.shape[2])


@lru_cache(maxsize=256)
def _borders(axes: tuple[Axis, ...], size: int) -> tuple[int, int]:
    """Positions read before and after an input of ``size``."""
    before, after = zip(*(axis.borders(size) for axis in axes), strict=True)
    return max(before), max(after)


def convolve(
    workers: Workers,
    native: bool,
    x: Any,
    w: Any,
    size: tuple[int, int],
    axes: Axes,
    mask: Any = None,
) -> tuple[Any, int]:
    """int8 x (batch, height, width, in) with int8 w (out, rows, columns, in): int32 (batch, *size, out) and its peak.

    Every pair of a row axis and a column axis makes its share of the output; together they make all of it. With an
    int8 ``mask`` of the output's size the output is 0 where the mask isn't positive.
    """
    if mask is not None and not _tiles_mask(native, w.shape[0]):
        out, _ = convolve(workers, native, x, w, size, axes)
        words, signs = out.reshape(-1), mask.reshape(-1)
        return out, max(
            workers.spread(out.size, 1, lambda i, j: int(relu_backward(words[i:j], signs[i:j], words[i:j])))
        )
    signs = np.zeros(0, dtype=np.int8) if mask is None else mask.reshape(-1)
    borders = borders_of(axes, x)
    image = bordered(workers, x, borders, STEP, np.uint8, zero=128)
    # What no tap reaches is zero, and writing all of it once is faster than with gaps.
    is_reached = all(axis.taps for pair in axes for axis in pair)
    out = (np.empty if is_reached else np.zeros)((x.shape[0], *size, w.shape[0]), dtype=np.int32)
    found = [0]
    for rows in axes[0]:
        for columns in axes[1]:
            if rows.taps and columns.taps:
                found += _share(workers, native, image, w, out, (rows, columns), (borders[0][0], borders[1][0]), signs)
    return out, max(found)


def _tiles_mask(native: bool, outputs: int) -> bool:
    """True where a tile can apply a mask as it stores: on VNNI, where all its columns are outputs."""
    return native and outputs % ((1 if outputs <= LANES else 2) * LANES) == 0


def _share(
    workers: Workers,
    native: bool,
    image: Any,
    w: Any,
    out: Any,
    axes: Pair,
    origin: tuple[int, int],
    mask: Any,
) -> Any:
    """One pair of axes; returns the largest magnitudes that its slices found."""
    vectors = 1 if w.shape[0] <= LANES else 2
    places = _places(axes, origin, image.shape[2:], (out.shape[2], 4 * w.shape[0]), vectors)
    packed, initial = _packed_weights(w, places, image.shape[3], vectors * LANES)
    steps, left, right, after = places.steps, places.left, places.right, places.after

    def work(start: int, stop: int) -> int:
        return int(_run(native, image, packed, steps, after, initial, out, left, right, mask, start, stop))

    return workers.spread(image.shape[0] * -(-left.size // ROWS), ROWS * steps.size * STEP, work)


@lru_cache(maxsize=256)
def offsets(
    axes: Pair, origin: tuple[int, int], source: tuple[int, int], target: tuple[int, int], least: int
) -> tuple[Any, Any, Any]:
    """Bytes from a window's start to each step, from an image's start to each window, and to each window's result.

    ``source`` and ``target`` are pixels of a line and bytes of a pixel. There are at least ``least`` windows: the last
    one is repeated.
    """
    rows, columns = axes
    (width, pixel_bytes), (out_width, out_bytes) = source, target
    down, across = np.arange(rows.count), np.arange(columns.count)
    taps = _grid(np.array(rows.shifts) + origin[0], np.array(columns.shifts) + origin[1], width)
    steps = (taps[:, None] * pixel_bytes + np.arange(0, pixel_bytes, STEP)).reshape(-1)
    left = _grid(down * rows.stride, across * columns.stride, width) * pixel_bytes
    right = _grid(rows.first + down * rows.step, columns.first + across * columns.step, out_width) * out_bytes
    padding = (0, max(0, least - left.size))
    return steps, np.pad(left, padding, mode="edge"), np.pad(right, padding, mode="edge")


class _Places(NamedTuple):
    """``offsets`` of a share, where each step of the right operand begins, and its taps as arrays."""

    steps: Any
    left: Any
    right: Any
    after: Any
    rows: Any
    columns: Any


@lru_cache(maxsize=256)
def _places(
    axes: Pair, origin: tuple[int, int], source: tuple[int, int], target: tuple[int, int], vectors: int
) -> _Places:
    found = offsets(axes, origin, source, target, ROWS)
    after = step_offsets(found[0].size, vectors * LANES * STEP)
    return _Places(*found, after, *(np.array(axis.taps) for axis in axes))


def _grid(rows: Any, columns: Any, width: int) -> Any:
    """Positions of all pairs in a plane of lines of ``width``, int64."""
    return (rows[:, None].astype(np.int64) * width + columns).reshape(-1)


def _packed_weights(w: Any, places: _Places, channels: int, group: int) -> tuple[Any, Any]:
    """Right operand (blocks, steps, columns, four terms), int8, and what each column starts from."""
    rows, columns = places.rows, places.columns
    blocks, steps = -(-w.shape[0] // group), rows.size * columns.size * channels // STEP
    packed, start = aligned((blocks, steps, group, STEP), np.int8), np.zeros(blocks * group, dtype=np.int32)
    if channels != w.shape[3] or blocks * group != w.shape[0]:
        packed[:] = 0
    _pack_weights(w, rows, columns, channels // STEP, packed, start)
    return packed, start


@compiled
def _pack_weights(w: Any, rows: Any, columns: Any, each: int, packed: Any, start: Any) -> None:
    """``each`` steps for a tap; a column starts from -128 times the sum of its weights."""
    group = packed.shape[2]
    for output in range(w.shape[0]):
        block, lane, total = output // group, output % group, 0
        for i in range(rows.size):
            for j in range(columns.size):
                codes, first = w[output, rows[i], columns[j]], (i * columns.size + j) * each
                for c in range(codes.size):
                    packed[block, first + c // 4, lane, c % 4] = codes[c]
                    total += codes[c]
        start[output] = -128 * total


@compiled
def _run(
    native: bool,
    image: Any,
    packed: Any,
    left_steps: Any,
    right_steps: Any,
    initial: Any,
    out: Any,
    left_rows: Any,
    out_rows: Any,
    mask: Any,
    start: int,
    stop: int,
) -> Any:
    """Tiles ``start`` to ``stop``, counted through all images; returns the largest magnitude stored.

    The last tile of an image starts early enough to be whole: it stores some words a second time, unchanged.
    """
    group, outputs, steps = packed.shape[2], out.shape[3], left_steps.size
    tiles = -(-left_rows.size // ROWS)
    scratch, scratch_rows = np.empty((ROWS, group), dtype=np.int32), np.arange(ROWS) * (4 * group)
    extremes = np.zeros((2, LANES), dtype=np.int32)
    peaks, image_bytes, out_bytes = extremes.ctypes.data, image[0].size, 4 * out[0].size
    flat, words = out.reshape(out.size), out[0].size
    before, after = left_steps.ctypes.data, right_steps.ctypes.data
    for tile in range(start, stop):
        n = tile // tiles
        first = min((tile - n * tiles) * ROWS, left_rows.size - ROWS)
        left, rows = image.ctypes.data + n * image_bytes, left_rows.ctypes.data + 8 * first
        for block in range(packed.shape[0]):
            origin = block * group
            whole = origin + group <= outputs
            right, begin = packed.ctypes.data + origin * steps * 4, initial.ctypes.data + 4 * origin
            if whole:
                target, places = out.ctypes.data + n * out_bytes + 4 * origin, out_rows.ctypes.data + 8 * first
            else:
                target, places = scratch.ctypes.data, scratch_rows.ctypes.data
            signs = mask.ctypes.data + n * words + origin
            if mask.size and group == LANES:
                MASKED_1(left, rows, before, right, after, steps, begin, target, places, peaks, signs)
            elif mask.size:
                MASKED_2(left, rows, before, right, after, steps, begin, target, places, peaks, signs)
            elif native and group == LANES:
                NATIVE_1(left, rows, before, right, after, steps, begin, target, places, peaks, 0)
            elif native:
                NATIVE_2(left, rows, before, right, after, steps, begin, target, places, peaks, 0)
            elif group == LANES:
                PLAIN_1(left, rows, before, right, after, steps, begin, target, places, peaks, 0)
            else:
                PLAIN_2(left, rows, before, right, after, steps, begin, target, places, peaks, 0)
            if not whole:
                for r in range(ROWS):
                    place = n * words + out_rows[first + r] // 4 + origin
                    flat[place : place + outputs - origin] = scratch[r, : outputs - origin]
    high, low = np.int64(0), np.int64(0)
    for lane in range(LANES):
        high, low = max(high, np.int64(extremes[0, lane])), min(low, np.int64(extremes[1, lane]))
    return max(high, -low)
