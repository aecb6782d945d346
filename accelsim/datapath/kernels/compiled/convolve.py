"""Convolution as an implicit matrix product on VNNI tiles: nothing is unfolded.

The left operand is made unsigned by adding 128 (padding included, so padding is 128); 128 times the sum of the
weights is taken off the result. All sums are exact modulo 2**32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import Workers, compiled
from accelsim.datapath.kernels.compiled.vnni import LANES, STEP, make_tile, step_offsets

ROWS = 8
TILES = {1: make_tile(ROWS, 1), 2: make_tile(ROWS, 2)}
TILE_1, TILE_2 = TILES[1], TILES[2]


def convolve(
    workers: Workers,
    x: Any,
    w: Any,
    stride: tuple[int, int],
    padding: tuple[tuple[int, int], tuple[int, int]],
    spacing: tuple[int, int] = (1, 1),
) -> Any:
    """int8 x (batch, height, width, in) with int8 w (out, rows, columns, in), int32 (batch, *, *, out).

    ``padding`` is before and after on each axis; ``spacing`` puts that many steps between neighbours of x (zeros
    in between), which turns a strided data gradient into a plain convolution.
    """
    image = unsigned_image(workers, x, padding, spacing)
    outputs, kernel_rows, kernel_columns, _ = w.shape
    batch, height, width, channels = image.shape
    rows, columns = (height - kernel_rows) // stride[0] + 1, (width - kernel_columns) // stride[1] + 1
    vectors = 1 if outputs <= LANES else 2
    packed, initial = _pack_weights(w, channels, vectors)
    taps = (np.arange(kernel_rows)[:, None] * width + np.arange(kernel_columns)) * channels
    steps = (taps.reshape(-1, 1) + np.arange(0, channels, STEP)).reshape(-1).astype(np.int64)
    out = np.empty((batch * rows, columns, outputs), dtype=np.int32)
    geometry = (rows, columns, height * width * channels, stride[0] * width * channels, stride[1] * channels)

    def work(start: int, stop: int) -> None:
        _run(
            image, packed, steps, step_offsets(steps.size, vectors * LANES * STEP), initial, out, geometry, start, stop
        )

    workers.spread(batch * rows, columns * steps.size * STEP, work)
    return out.reshape(batch, rows, columns, outputs)


def unsigned_image(
    workers: Workers, x: Any, padding: tuple[tuple[int, int], tuple[int, int]], spacing: tuple[int, int]
) -> Any:
    """x + 128 as uint8, spread by ``spacing``, bordered by 128, channels filled up to a multiple of four with 128."""
    batch, height, width, channels = x.shape
    (top, bottom), (left, right) = padding
    inner = ((height - 1) * spacing[0] + 1, (width - 1) * spacing[1] + 1)
    shape = (batch, inner[0] + top + bottom, inner[1] + left + right, -(-channels // STEP) * STEP)
    image = np.empty(shape, dtype=np.uint8)

    def work(start: int, stop: int) -> None:
        part = image[start:stop]
        part.fill(128)
        inside = part[:, top :: spacing[0], left :: spacing[1], :channels]
        # Flipping the sign bit adds 128.
        np.bitwise_xor(x[start:stop].view(np.uint8), 0x80, out=inside[:, :height, :width])

    workers.spread(batch, image[0].size, work)
    return image


def _pack_weights(w: Any, channels: int, vectors: int) -> tuple[Any, Any]:
    """Right operand (blocks, steps, columns, four terms), int8, and what each column starts from."""
    outputs, group = w.shape[0], vectors * LANES
    padded = np.zeros((-(-outputs // group) * group, *w.shape[1:3], channels), dtype=np.int8)
    padded[:outputs, :, :, : w.shape[3]] = w
    start = -128 * padded.astype(np.int32).sum(axis=(1, 2, 3), dtype=np.int32)
    steps = padded.reshape(-1, group, padded[0].size // STEP, STEP)
    return np.ascontiguousarray(steps.transpose(0, 2, 1, 3)), start


@compiled
def _run(
    image: Any,
    packed: Any,
    left_steps: Any,
    right_steps: Any,
    initial: Any,
    out: Any,
    geometry: Any,
    start: int,
    stop: int,
) -> None:
    rows, columns, image_bytes, row_bytes, pixel_bytes = geometry
    group, outputs = packed.shape[2], out.shape[2]
    tile, bases = np.empty((ROWS, group), dtype=np.int32), np.empty(ROWS, dtype=np.int64)
    left, steps = left_steps.ctypes.data, left_steps.size
    for line in range(start, stop):
        first = (line // rows) * image_bytes + (line % rows) * row_bytes
        for column in range(0, columns, ROWS):
            used_rows = min(ROWS, columns - column)
            for r in range(ROWS):
                bases[r] = first + min(column + r, columns - 1) * pixel_bytes
            for block in range(packed.shape[0]):
                origin = block * group
                used = min(group, outputs - origin)
                whole = used == group and used_rows == ROWS
                target = out[line, column, origin:].ctypes.data if whole else tile.ctypes.data
                stride = 4 * (outputs if whole else group)
                right, begin = packed.ctypes.data + block * packed[0].size, initial.ctypes.data + 4 * origin
                address, base, after = image.ctypes.data, bases.ctypes.data, right_steps.ctypes.data
                if group == LANES:
                    TILE_1(address, base, left, right, after, steps, begin, target, stride)
                else:
                    TILE_2(address, base, left, right, after, steps, begin, target, stride)
                if not whole:
                    out[line, column : column + used_rows, origin : origin + used] = tile[:used_rows, :used]
