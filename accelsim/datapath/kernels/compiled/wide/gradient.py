"""Weight gradient of a convolution of 16-bit activations, exact in 64 bits.

The left operand holds the gradients of two images side by side, split into two digits of a byte (``wide.tile``) where
they have 16 bits; the right one the activations of the same images. A step is one output pixel of both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.gradient_blocks import Scratch, add_blocks, layout_of, start_blocks
from accelsim.datapath.kernels.compiled.jit import compiled, inlined
from accelsim.datapath.kernels.compiled.wide.tile import MAX_STEPS, PAIR, make_words_tile
from accelsim.datapath.kernels.compiled.workers import Workers

ROWS = 8
TILE_1, TILE_2 = make_words_tile(ROWS, 1), make_words_tile(ROWS, 2)


def start_wide_gradient(
    workers: Workers, x: Any, g: Any, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> Callable[[], Any]:
    """``start_weight_gradient`` of int16 x and int16 or int8 g, on CPUs with AVX512-VNNI."""
    x, g = np.ascontiguousarray(x), np.ascontiguousarray(g)
    digits = g.dtype.itemsize
    left_rows = -(-digits * g.shape[3] // ROWS) * ROWS
    layout = layout_of(x.shape[3], g.shape, kernel, stride, PAIR, digits, left_rows)
    add = partial(_add_blocks, layout.vectors)
    found = start_blocks(workers, layout, (x, g), padding, PAIR * 16, lambda: Scratch.of(layout), add)

    def gradient() -> Any:
        sums = sum(scratch.sums for scratch in found())[:, :, : digits * layout.outputs, : layout.channels]
        parts = sums.reshape(*kernel, digits, layout.outputs, layout.channels).transpose(2, 3, 0, 1, 4)
        return np.ascontiguousarray(parts[0] if digits == 1 else parts[0] + (parts[1] << 8))

    return gradient


@compiled
def _pack_left(g: Any, left: Any, group: int, some: int, line: int, lines: int) -> None:
    """Gradients of two images side by side, in planes low + 256 high; an image past the batch is code 0."""
    batch, size = g.shape[0], left.shape[3]
    nothing = np.zeros(size, dtype=g.dtype)
    for k in range(some):
        n = 2 * (group + k)
        for y in range(lines):
            a = g[n, line + y].reshape(size)
            b = g[n + 1, line + y].reshape(size) if n + 1 < batch else nothing
            if left.shape[0] == 1:
                _interleave(a, b, left[0, k, y])
            else:
                low, high = left[0, k, y], left[1, k, y]
                for i in range(size):
                    p, q = np.int32(a[i]), np.int32(b[i])
                    # A digit above the middle of its byte becomes a negative one, and the next one goes up.
                    first, second = (p + 128) >> 8, (q + 128) >> 8
                    low[i] = ((p - (first << 8)) & 0xFFFF) | (q - (second << 8)) << 16
                    high[i] = (first & 0xFFFF) | second << 16


@compiled
def _pack_right(x: Any, right: Any, group: int, some: int, line: int, padding: Any) -> None:
    """Activations of two images side by side, (group, line, column, channel); 0 beyond the image and the batch."""
    batch, height, width, channels = x.shape
    top, before = padding
    first, stop = before, min(before + width, right.shape[2])
    nothing = np.zeros((width, channels), dtype=x.dtype)
    for k in range(some):
        n = 2 * (group + k)
        for padded_line in range(right.shape[1]):
            y, target = line + padded_line - top, right[k, padded_line]
            if y < 0 or y >= height:
                target[:] = 0
                continue
            a, b = x[n, y], x[n + 1, y] if n + 1 < batch else nothing
            target[:first] = 0
            target[stop:] = 0
            if channels == right.shape[3]:
                size = (stop - first) * channels
                whole = target[first:stop].reshape(size)
                _interleave(a.reshape(width * channels)[:size], b.reshape(width * channels)[:size], whole)
            else:
                for column in range(stop - first):
                    pixel = target[first + column]
                    pixel[channels:] = 0
                    _interleave(a[column], b[column], pixel[:channels])


@compiled
def _interleave(a: Any, b: Any, out: Any) -> None:
    for i in range(a.size):
        out[i] = (np.int32(a[i]) & 0xFFFF) | np.int32(b[i]) << 16


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
    """The tile of ``kind`` vectors."""
    if kind == 1:
        TILE_1(left, left_rows, left_steps, right, right_steps, steps, begin, out, out_rows, 0, 0)
    else:
        TILE_2(left, left_rows, left_steps, right, right_steps, steps, begin, out, out_rows, 0, 0)


@compiled
def _add_blocks(kind: int, start: int, stop: int, *work: Any) -> None:
    """``add_blocks`` of words."""
    add_blocks(_pack_left, _pack_right, _tile, ROWS, MAX_STEPS, kind, start, stop, work)
