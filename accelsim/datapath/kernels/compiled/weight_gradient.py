"""Weight gradient of a convolution on VNNI tiles: int8 activations by int16 gradients, exact in 64 bits.

A gradient code plus 32768 is two unsigned bytes, 256 h + l, so the product is one of bytes:
sum x g = sum x l + 256 sum x h - 32768 sum x. All three sums are rows of one tile product: the left operand holds
the low bytes, the high bytes and a row of ones, the right one the activations, four neighbouring pixels to a step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import Workers, compiled
from accelsim.datapath.kernels.compiled.vnni import LANES, STEP, make_tile, step_offsets

ROWS = 11
TILE_1, TILE_2 = make_tile(ROWS, 1), make_tile(ROWS, 2)
MAX_STEPS = 1 << 14
"""4 x 255 x 128 x 2**14 < 2**31: so many steps can't overflow an int32 accumulator."""
WANTED_STEPS = 1 << 10
"""Steps that make the cost of a tile's beginning and end small."""


def fits(output_rows: int, output_columns: int) -> bool:
    """True when one image's sums stay within an int32 accumulator."""
    return output_rows * -(-output_columns // STEP) <= MAX_STEPS


def weight_gradient(
    workers: Workers, x: Any, g: Any, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> Any:
    """int8 x (batch, height, width, in) and int16 g (batch, rows, columns, out) to int64 (out, *kernel, in)."""
    batch, rows, columns, outputs = g.shape
    channels, groups = x.shape[3], -(-columns // STEP)
    vectors = 1 if channels <= LANES else 2
    wide = -(-channels // (vectors * LANES)) * vectors * LANES
    left_rows = -(-(2 * outputs + 1) // ROWS) * ROWS
    padded_rows = (rows - 1) * stride[0] + kernel[0]
    together = min(batch, max(1, WANTED_STEPS // (rows * groups)))
    right_steps = _right_steps(together, padded_rows, rows, groups, stride[0]) * (wide * STEP)
    left_steps = step_offsets(right_steps.size, left_rows * STEP)

    def work(start: int, stop: int) -> Any:
        sums = np.zeros((left_rows, kernel[0], kernel[1], wide), dtype=np.int64)
        left = np.zeros((together, rows * groups, left_rows, STEP), dtype=np.uint8)
        right = np.zeros((kernel[1], together, padded_rows, groups, wide, STEP), dtype=np.int8)
        for first in range(start, stop, together):
            some = min(together, stop - first)
            _pack_left(g[first : first + some], left)
            _pack_right(x[first : first + some], right, columns, stride[1], padding)
            used = some * rows * groups
            _run(left, right, left_steps[:used], right_steps[:used], vectors, sums)
        return sums

    total = sum(workers.spread(batch, rows * columns * outputs, work))
    low, high, ones = total[:outputs], total[outputs : 2 * outputs], total[2 * outputs]
    return (low + 256 * high - 32768 * ones)[..., :channels]


def _right_steps(images: int, padded_rows: int, rows: int, groups: int, stride: int) -> Any:
    """Position of each step (image, output row, group of pixels) in the packed right operand, in groups."""
    line = np.arange(images)[:, None] * padded_rows + np.arange(rows) * stride
    return (line[:, :, None] * groups + np.arange(groups)).reshape(-1).astype(np.int64)


@compiled
def _pack_left(g: Any, left: Any) -> None:
    """Bytes of each gradient, four neighbouring pixels side by side: (image, step, row, four)."""
    batch, rows, columns, outputs = g.shape
    groups = -(-columns // 4)
    for n in range(batch):
        for y in range(rows):
            for column in range(columns):
                step, j = y * groups + column // 4, column % 4
                for o in range(outputs):
                    code = np.int32(g[n, y, column, o]) + 32768
                    left[n, step, o, j] = np.uint8(code & 255)
                    left[n, step, outputs + o, j] = np.uint8(code >> 8)
                left[n, step, 2 * outputs, j] = np.uint8(1)


@compiled
def _pack_right(x: Any, right: Any, columns: int, stride: int, padding: Any) -> None:
    """Activations under each kernel column: (column, image, line, group of four output pixels, channel, four)."""
    batch, height, width, channels = x.shape
    top, before = padding
    for tap in range(right.shape[0]):
        for n in range(batch):
            for line in range(right.shape[2]):
                y = line - top
                if y < 0 or y >= height:
                    right[tap, n, line] = 0
                    continue
                for column in range(columns):
                    place = column * stride + tap - before
                    group, j = column // 4, column % 4
                    if place < 0 or place >= width:
                        right[tap, n, line, group, :, j] = 0
                    else:
                        for c in range(channels):
                            right[tap, n, line, group, c, j] = x[n, y, place, c]


@compiled
def _run(left: Any, right: Any, left_steps: Any, right_steps: Any, vectors: int, sums: Any) -> None:
    """Add the products of all taps to ``sums`` (left row, kernel row, kernel column, channel)."""
    group = vectors * 16
    tile, nothing = np.zeros((ROWS, group), dtype=np.int32), np.zeros(group, dtype=np.int32)
    bases = np.arange(ROWS) * 4
    line_bytes, column_bytes = right[0, 0, 0].size, right[0].size
    steps, before, after = left_steps.size, left_steps.ctypes.data, right_steps.ctypes.data
    for i in range(sums.shape[1]):
        for j in range(sums.shape[2]):
            for origin in range(0, sums.shape[3], group):
                from_right = right.ctypes.data + j * column_bytes + i * line_bytes + origin * 4
                for row in range(0, sums.shape[0], ROWS):
                    from_left = left.ctypes.data + row * 4
                    target, base, begin = tile.ctypes.data, bases.ctypes.data, nothing.ctypes.data
                    if group == 16:
                        TILE_1(from_left, base, before, from_right, after, steps, begin, target, 4 * group)
                    else:
                        TILE_2(from_left, base, before, from_right, after, steps, begin, target, 4 * group)
                    sums[row : row + ROWS, i, j, origin : origin + group] += tile
