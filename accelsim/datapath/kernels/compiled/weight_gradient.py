"""Weight gradient of a convolution on int32 tiles: int8 activations by int16 gradients, exact in 64 bits.

A gradient code plus 32768 is two unsigned bytes, 256 h + l, so the product is one of bytes:
sum x g = sum x l + 256 sum x h - 32768 sum x. All three sums are rows of one tile product: the left operand holds
planes of low bytes, of high bytes and of ones, the right one the activations. A step is one output pixel of four
images, so that the same packed activations serve every tap, at another offset.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.gradient_blocks import (
    MAX_STEPS,
    Layout,
    Scratch,
    add_blocks,
    layout_of,
    start_blocks,
)
from accelsim.datapath.kernels.compiled.jit import compiled, inlined
from accelsim.datapath.kernels.compiled.tile import STEP, make_tile
from accelsim.datapath.kernels.compiled.unfold import is_worth_unfolding, unfolded
from accelsim.datapath.kernels.compiled.workers import Workers

ROWS = 11
NATIVE_1, NATIVE_2 = make_tile(ROWS, 1), make_tile(ROWS, 2)
PLAIN_1, PLAIN_2 = make_tile(ROWS, 1, native=False), make_tile(ROWS, 2, native=False)


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
    add = partial(_add_blocks, layout.vectors if native else -layout.vectors)
    found = start_blocks(workers, layout, (x, g), padding, STEP * 8, lambda: _with_ones(layout), add)

    def gradient() -> Any:
        total = np.zeros((layout.outputs, *kernel, layout.channels), dtype=np.int64)
        for scratch in found():
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


@inlined
def _tile(
    kind: int,
    left: int,
    left_rows: int,
    left_steps: int,
    right: int,
    right_steps: int,
    steps: int,
    begin: int,
    out: int,
    out_rows: int,
) -> None:
    """The tile of so many vectors as ``kind`` says; a negative one needs no VNNI."""
    if kind == 1:
        NATIVE_1(left, left_rows, left_steps, right, right_steps, steps, begin, out, out_rows, 0, 0)
    elif kind == 2:
        NATIVE_2(left, left_rows, left_steps, right, right_steps, steps, begin, out, out_rows, 0, 0)
    elif kind == -1:
        PLAIN_1(left, left_rows, left_steps, right, right_steps, steps, begin, out, out_rows, 0, 0)
    else:
        PLAIN_2(left, left_rows, left_steps, right, right_steps, steps, begin, out, out_rows, 0, 0)


@compiled
def _add_blocks(kind: int, start: int, stop: int, *work: Any) -> None:
    """``add_blocks`` of bytes."""
    add_blocks(_pack_left, _pack_right, _tile, ROWS, MAX_STEPS, kind, start, stop, work)
