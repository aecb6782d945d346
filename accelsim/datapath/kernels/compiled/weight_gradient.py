"""Weight gradient of a convolution on int32 tiles: int8 activations by int16 gradients, exact in 64 bits.

A gradient code plus 32768 is two unsigned bytes, 256 h + l, so the product is one of bytes:
sum x g = sum x l + 256 sum x h - 32768 sum x. All three sums are rows of one tile product: the left operand holds
planes of low bytes, of high bytes and of ones, the right one the activations. A step is one output pixel of four
images, so that the same packed activations serve every tap, at another offset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.memory import aligned
from accelsim.datapath.kernels.compiled.tile import LANES, STEP, make_tile
from accelsim.datapath.kernels.compiled.unfold import is_worth_unfolding, unfolded
from accelsim.datapath.kernels.compiled.workers import Workers

ROWS = 11
NATIVE_1, NATIVE_2 = make_tile(ROWS, 1), make_tile(ROWS, 2)
PLAIN_1, PLAIN_2 = make_tile(ROWS, 1, native=False), make_tile(ROWS, 2, native=False)
MAX_STEPS = 1 << 14
"""4 x 255 x 128 x 2**14 < 2**31: so many steps can't overflow an int32 accumulator."""
WANTED_STEPS = 1 << 9
"""Steps that make the cost of a tile's beginning and end small, while both operands stay in the second-level cache."""


class Layout:
    """How a block of output lines of some groups of ``images`` is packed: each takes its part of a step's four bytes.

    The left operand has ``planes``, of which the first two, or the only one, hold the gradient and the last one fills
    ``left_rows`` up.
    """

    def __init__(
        self,
        channels: int,
        gradient: tuple[int, int, int, int],
        kernel: tuple[int, int],
        stride: tuple[int, int],
        images: int,
        planes: int,
        left_rows: int,
    ) -> None:
        batch, self.rows, self.columns, self.outputs = gradient
        self.planes, self.left_rows = planes, left_rows
        self.channels, self.kernel, self.stride = channels, kernel, stride
        self.vectors = 1 if self.channels <= LANES else 2
        lanes = self.vectors * LANES
        self.wide = -(-self.channels // lanes) * lanes
        self.groups = -(-batch // images)
        self.lines = min(self.rows, max(1, WANTED_STEPS // self.columns), MAX_STEPS // self.columns)
        self.together = max(1, min(self.groups, WANTED_STEPS // (self.lines * self.columns)))
        self.padded_lines = (self.lines - 1) * stride[0] + kernel[0]
        self.padded_columns = (self.columns - 1) * stride[1] + kernel[1]
        self.offsets = (self._row_offsets(), *self._step_offsets())

    def _row_offsets(self) -> Any:
        """Bytes from the start of the left operand to each of its rows: low digits, high digits, what fills up."""
        plane = self.together * self.lines * self.columns * self.outputs * STEP
        rows = np.full(self.left_rows, (self.planes - 1) * plane, dtype=np.int64)
        for digit in range(min(2, self.planes)):
            rows[digit * self.outputs : (digit + 1) * self.outputs] = digit * plane + STEP * np.arange(self.outputs)
        return rows

    def _step_offsets(self) -> tuple[Any, Any]:
        """Bytes from each operand's start to each step: (group, line, column)."""
        lines = np.arange(self.together)[:, None] * self.padded_lines + np.arange(self.lines) * self.stride[0]
        places = lines[:, :, None] * self.padded_columns + np.arange(self.columns) * self.stride[1]
        right = places.reshape(-1).astype(np.int64) * (self.wide * STEP)
        return np.arange(right.size, dtype=np.int64) * (self.outputs * STEP), right


layout_of = lru_cache(maxsize=256)(Layout)


@dataclass(frozen=True)
class Scratch:
    """What one thread packs into, and its sums (kernel row, kernel column, left row, channel)."""

    left: Any
    right: Any
    sums: Any

    @classmethod
    def of(cls, layout: Layout) -> Scratch:
        left = aligned((layout.planes, layout.together, layout.lines, layout.columns * layout.outputs), np.uint32)
        right = aligned((layout.together, layout.padded_lines, layout.padded_columns, layout.wide), np.uint32)
        return cls(left, right, np.zeros((*layout.kernel, layout.left_rows, layout.wide), dtype=np.int64))


def start_weight_gradient(
    workers: Workers,
    native: bool,
    x: Any,
    g: Any,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Callable[[], Any]:
    """int8 x (batch, height, width, in) and int16 g (batch, rows, columns, out) to int64 (out, *kernel, in).

    Other threads begin with it; the function returned helps them and returns the gradient.
    """
    x, g = np.ascontiguousarray(x), np.ascontiguousarray(g)
    channels, taps, shape = x.shape[3], kernel[1], (g.shape[3], *kernel, x.shape[3])
    if not is_worth_unfolding(channels, taps):
        return _start(workers, native, x, g, kernel, stride, padding)
    seen = unfolded(workers, x, g.shape[2], taps, stride[1], padding[1])
    finish = _start(workers, native, seen, g, (kernel[0], 1), (stride[0], 1), (padding[0], 0))
    return lambda: finish()[:, :, 0, : taps * channels].reshape(shape)


def _start(
    workers: Workers,
    native: bool,
    x: Any,
    g: Any,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Callable[[], Any]:
    """``start_weight_gradient`` of contiguous arrays, a tap at a time."""
    left_rows = -(-(2 * g.shape[3] + 1) // ROWS) * ROWS
    layout = layout_of(x.shape[3], g.shape, kernel, stride, STEP, 3, left_rows)
    rows, before, after = layout.offsets
    # Threads that are not at work leave their scratch here; sums are exact, so it does not matter who adds what.
    idle: list[Scratch] = []

    def work(start: int, stop: int) -> None:
        scratch = idle.pop() if idle else _with_ones(layout)
        left, right, sums = scratch.left, scratch.right, scratch.sums
        _blocks(native, x, g, left, right, sums, rows, before, after, layout.vectors, stride[0], padding, start, stop)
        idle.append(scratch)

    each = STEP * layout.rows * layout.columns * layout.outputs * 8
    finish = workers.start(layout.groups, each, work, multiple=layout.together)

    def gradient() -> Any:
        finish()
        total = np.zeros((layout.outputs, *kernel, layout.channels), dtype=np.int64)
        for scratch in idle:
            _add_sums(scratch.sums, total)
        return total

    return gradient


def _with_ones(layout: Layout) -> Scratch:
    scratch = Scratch.of(layout)
    scratch.left[2] = 0x01010101
    return scratch


@compiled
def _add_sums(sums: Any, total: Any) -> None:
    """Add what a thread's rows of low bytes, of high bytes and of ones make of each weight's gradient."""
    outputs, rows, columns, channels = total.shape
    for output in range(outputs):
        for i in range(rows):
            for j in range(columns):
                low, high, ones = sums[i, j, output], sums[i, j, outputs + output], sums[i, j, 2 * outputs]
                for c in range(channels):
                    total[output, i, j, c] += low[c] + (high[c] << 8) - (ones[c] << 15)


@compiled
def _pack_left(g: Any, left: Any, group: int, some: int, line: int, lines: int) -> None:
    """Low and high bytes of the gradients of four images side by side; an image past the batch is code 0."""
    batch, each, size = g.shape[0], g[0].size, lines * left.shape[3]
    codes, start, nothing = g.reshape(g.size), line * left.shape[3], np.zeros(size, dtype=np.int16)
    for k in range(some):
        n = 4 * (group + k)
        at = n * each + start
        a = codes[at : at + size]
        b = codes[at + each : at + each + size] if n + 1 < batch else nothing
        c = codes[at + 2 * each : at + 2 * each + size] if n + 2 < batch else nothing
        d = codes[at + 3 * each : at + 3 * each + size] if n + 3 < batch else nothing
        low, high = left[0, k].reshape(left[0, k].size), left[1, k].reshape(left[1, k].size)
        for i in range(size):
            low[i] = (a[i] & 255) | (b[i] & 255) << 8 | (c[i] & 255) << 16 | (d[i] & 255) << 24
            # An arithmetic shift leaves h - 128 in the low byte; flipping its top bit adds 128.
            tops = (a[i] >> 8 & 255) | (b[i] >> 8 & 255) << 8 | (c[i] >> 8 & 255) << 16 | (d[i] >> 8 & 255) << 24
            high[i] = tops ^ 0x80808080


@compiled
def _pack_right(x: Any, right: Any, group: int, some: int, line: int, padding: Any) -> None:
    """Activations of four images side by side, (group, line, column, channel); 0 beyond the image and the batch."""
    batch, height, width, channels = x.shape
    top, before = padding
    wide, line_size = right.shape[3], right.shape[2] * right.shape[3]
    first, stop = before, min(before + width, right.shape[2])
    row, each, size = width * channels, x[0].size, (stop - first) * channels
    codes, nothing = x.reshape(x.size), np.zeros(row, dtype=np.int8)
    for k in range(some):
        n = 4 * (group + k)
        packed = right[k].reshape(right[k].size)
        for padded_line in range(right.shape[1]):
            y, target = line + padded_line - top, packed[padded_line * line_size : (padded_line + 1) * line_size]
            if y < 0 or y >= height:
                target[:] = 0
                continue
            at = n * each + y * row
            a = codes[at : at + row]
            b = codes[at + each : at + each + row] if n + 1 < batch else nothing
            c = codes[at + 2 * each : at + 2 * each + row] if n + 2 < batch else nothing
            d = codes[at + 3 * each : at + 3 * each + row] if n + 3 < batch else nothing
            target[: first * wide] = 0
            target[stop * wide :] = 0
            if channels == wide:
                _interleave(a[:size], b[:size], c[:size], d[:size], target[first * wide : stop * wide])
            else:
                for column in range(stop - first):
                    start, end = column * channels, (column + 1) * channels
                    pixel = target[(first + column) * wide : (first + column + 1) * wide]
                    pixel[channels:] = 0
                    _interleave(a[start:end], b[start:end], c[start:end], d[start:end], pixel[:channels])


@compiled
def _interleave(a: Any, b: Any, c: Any, d: Any, out: Any) -> None:
    for i in range(a.size):
        out[i] = (a[i] & 255) | (b[i] & 255) << 8 | (c[i] & 255) << 16 | (d[i] & 255) << 24


@compiled
def _run(
    native: bool, left: Any, right: Any, rows: Any, left_steps: Any, right_steps: Any, vectors: int, sums: Any
) -> None:
    """Add the products of all taps to ``sums``."""
    group = vectors * LANES
    tile, nothing = np.zeros((ROWS, group), dtype=np.int32), np.zeros(group, dtype=np.int32)
    tile_rows = np.arange(ROWS) * (4 * group)
    pixel_bytes, line_bytes = right.shape[3] * 4, right.shape[2] * right.shape[3] * 4
    steps, before, after = left_steps.size, left_steps.ctypes.data, right_steps.ctypes.data
    from_left, target, begin = left.ctypes.data, tile.ctypes.data, nothing.ctypes.data
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            for origin in range(0, sums.shape[3], group):
                from_right = right.ctypes.data + i * line_bytes + j * pixel_bytes + origin * 4
                for row in range(0, sums.shape[2], ROWS):
                    base, places = rows.ctypes.data + 8 * row, tile_rows.ctypes.data
                    if native and group == LANES:
                        NATIVE_1(from_left, base, before, from_right, after, steps, begin, target, places, 0, 0)
                    elif native:
                        NATIVE_2(from_left, base, before, from_right, after, steps, begin, target, places, 0, 0)
                    elif group == LANES:
                        PLAIN_1(from_left, base, before, from_right, after, steps, begin, target, places, 0, 0)
                    else:
                        PLAIN_2(from_left, base, before, from_right, after, steps, begin, target, places, 0, 0)
                    for r in range(ROWS):
                        total, found = sums[i, j, row + r, origin : origin + group], tile[r]
                        for c in range(group):
                            total[c] += found[c]


@compiled
def _blocks(
    native: bool,
    x: Any,
    g: Any,
    left: Any,
    right: Any,
    sums: Any,
    rows: Any,
    left_steps: Any,
    right_steps: Any,
    vectors: int,
    stride: int,
    padding: Any,
    start: int,
    stop: int,
) -> None:
    """Add the products of the groups of four images ``start`` to ``stop`` to ``sums``, block after block."""
    together, lines = left.shape[1], left.shape[2]
    for group in range(start, stop, together):
        some = min(together, stop - group)
        for line in range(0, g.shape[1], lines):
            present = min(lines, g.shape[1] - line)
            _pack_left(g, left, group, some, line, present)
            _pack_right(x, right, group, some, line * stride, padding)
            # A short block of lines is the last one of a single group: its steps come first.
            used = some * present * g.shape[2]
            _run(native, left, right, rows, left_steps[:used], right_steps[:used], vectors, sums)
