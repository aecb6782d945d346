"""Gradient of a convolution's weights in float32, as products of output channels with windows that nothing unfolds.

The terms of a weight are its output positions: image after image, line after line. Runs of them are chains of fused
multiply-adds that start from 0; the sums of a group of images are added in order, and then those of the groups. Runs
and groups follow from the shapes alone, so no number of threads changes a bit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.floats.convolve import border
from accelsim.datapath.kernels.compiled.floats.tile import LANES, ROWS, float_tile, plane, vectors_for
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.memory import aligned
from accelsim.datapath.kernels.compiled.workers import Workers

RUN = 512
"""Positions of a chain, up to the end of a line or an image."""
GROUPS = 16
"""Groups of images at most: threads that can share a gradient."""
PARTIAL_BYTES = 64 << 20
"""Sums of all groups, held at once; fewer groups where they would be larger."""


class Layout:
    """Runs, groups and where their operands lie.

    A run is ``lines`` lines of an image, or ``together`` whole images; a group is ``images`` images. A kernel row's
    window is one row of ``taken`` floats of the bordered input, in tiles of ``group`` columns.
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        gradient: tuple[int, int, int, int],
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> None:
        batch, rows, columns, outputs = gradient
        channels = image[2]
        self.together = max(1, min(batch, RUN // (rows * columns)))
        self.lines = max(1, min(rows, RUN // columns))
        self.taken = kernel[1] * channels
        self.group = vectors_for(self.taken) * LANES
        self.wide = -(-self.taken // self.group) * self.group
        self.filled = -(-outputs // ROWS) * ROWS
        each = 4 * kernel[0] * self.filled * self.wide
        groups = max(1, min(GROUPS, PARTIAL_BYTES // each))
        runs = -(-batch // self.together)
        self.images = -(-runs // groups) * self.together
        self.groups = -(-batch // self.images)
        needed = [(size - 1) * stride[i] + kernel[i] for i, size in enumerate((rows, columns))]
        self.shape = (self.together, *(max(needed[i], image[i] + padding[i]) for i in range(2)), channels)
        self.is_direct = self.shape[1:] == image and padding == (0, 0) and self.wide == self.taken
        steps = plane(
            np.arange(self.together)[:, None] * self.shape[1] + np.arange(rows) * stride[0],
            np.arange(columns) * stride[1],
            self.shape[2],
        )
        self.right_steps = steps * (4 * channels)
        self.left_steps = np.arange(steps.size, dtype=np.int64) * (4 * outputs)
        # Rows past the last output repeat it.
        self.left_rows = 4 * np.minimum(np.arange(self.filled, dtype=np.int64), outputs - 1)

    def bordered(self) -> Any:
        """Room for a run's images, 0 around them, and for what the last tile reads past them."""
        flat = aligned((int(np.prod(self.shape)) + self.wide,), np.float32)
        flat[:] = 0
        return flat


layout_of = lru_cache(maxsize=256)(Layout)


def float_weight_gradient(
    workers: Workers, x: Any, g: Any, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> Any:
    """float32 x (batch, height, width, in) and g (batch, rows, columns, out): float32 (out, *kernel, in)."""
    x, g = np.ascontiguousarray(x), np.ascontiguousarray(g)
    layout = layout_of(x.shape[1:], g.shape, kernel, stride, padding)
    sums = np.zeros((layout.groups, kernel[0], layout.filled, layout.wide), dtype=np.float32)

    def work(start: int, stop: int) -> None:
        images = layout.bordered()
        offsets = layout.left_rows, layout.left_steps, layout.right_steps
        for group in range(start, stop):
            first = group * layout.images
            last = min(first + layout.images, x.shape[0])
            _group(
                x,
                g,
                images,
                layout.is_direct,
                layout.shape,
                padding,
                stride[0],
                layout.lines,
                layout.group,
                *offsets,
                sums[group],
                first,
                last,
            )

    workers.spread(layout.groups, layout.images * g[0].size * kernel[0] * layout.taken // LANES, work)
    total = np.empty((g.shape[3], *kernel, x.shape[3]), dtype=np.float32)
    _add_groups(sums, total.reshape(g.shape[3], kernel[0], layout.taken))
    return total


@compiled
def _add_groups(sums: Any, total: Any) -> None:
    outputs, rows, taken = total.shape
    for output in range(outputs):
        for row in range(rows):
            line = total[output, row]
            line[:] = np.float32(0)
            for group in range(sums.shape[0]):
                part = sums[group, row, output]
                for c in range(taken):
                    line[c] += part[c]


@compiled
def _group(
    x: Any,
    g: Any,
    images: Any,
    direct: bool,
    shape: Any,
    padding: Any,
    stride: int,
    lines: int,
    group: int,
    left_rows: Any,
    left_steps: Any,
    right_steps: Any,
    sums: Any,
    first: int,
    last: int,
) -> None:
    """Add the runs of the images ``first`` to ``last`` to ``sums`` (kernel row, output, window)."""
    together, height, width, channels = shape
    rows, columns, outputs = g.shape[1], g.shape[2], g.shape[3]
    tile, places = np.empty((ROWS, group), dtype=np.float32), np.arange(ROWS) * (4 * group)
    line_bytes, out, made = 4 * width * channels, tile.ctypes.data, places.ctypes.data
    before, after = left_steps.ctypes.data, right_steps.ctypes.data
    bordered = images[: together * height * width * channels].reshape(shape)
    for n in range(first, last, together):
        some = min(together, last - n)
        start = x.ctypes.data + 4 * n * x[0].size
        if not direct:
            start = images.ctypes.data
            border(x, n, some, bordered, padding)
        for line in range(0, rows, lines):
            steps = some * min(lines, rows - line) * columns
            left = g.ctypes.data + 4 * (n * g[0].size + line * columns * outputs)
            for i in range(sums.shape[0]):
                right = start + (line * stride + i) * line_bytes
                for origin in range(0, sums.shape[2], group):
                    for row in range(0, sums.shape[1], ROWS):
                        base = left_rows.ctypes.data + 8 * row
                        float_tile(group, left, base, before, right + 4 * origin, after, steps, out, made, 0)
                        for r in range(ROWS):
                            total, found = sums[i, row + r, origin : origin + group], tile[r]
                            for c in range(group):
                                total[c] += found[c]
