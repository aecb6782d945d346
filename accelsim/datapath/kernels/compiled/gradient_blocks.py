"""The walk that exact weight gradients share: blocks of output lines of some images, packed and multiplied by tiles.

How many images lie side by side in a step, how codes are packed, and which tile multiplies them, each caller says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import inlined
from accelsim.datapath.kernels.compiled.memory import aligned
from accelsim.datapath.kernels.compiled.tile import LANES, STEP
from accelsim.datapath.kernels.compiled.workers import Workers

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


def start_blocks(
    workers: Workers,
    layout: Layout,
    operands: tuple[Any, Any],
    padding: tuple[int, int],
    term_bytes: int,
    scratch: Callable[[], Scratch],
    add: Callable[..., None],
) -> Callable[[], list[Scratch]]:
    """Start ``add(start, stop, *work)`` (``add_blocks``) on all groups of images of the ``operands`` x and g.

    The function returned gives what holds their sums. ``term_bytes``: what a group's gradients cost, each. Sums are
    exact, so it does not matter who adds what.
    """
    # Threads that are not at work leave their scratch here.
    idle: list[Scratch] = []

    def work(start: int, stop: int) -> None:
        own = idle.pop() if idle else scratch()
        add(start, stop, *operands, own.left, own.right, own.sums, *layout.offsets, layout.stride[0], padding)
        idle.append(own)

    each = term_bytes * layout.rows * layout.columns * layout.outputs
    finish = workers.start(layout.groups, each, work, multiple=layout.together)

    def found() -> list[Scratch]:
        finish()
        return idle

    return found


@inlined
def add_blocks(
    pack_left: Any,
    pack_right: Any,
    tile: Any,
    tile_rows: int,
    most_steps: int,
    kind: int,
    start: int,
    stop: int,
    work: tuple[Any, ...],
) -> None:
    """Add the products of the groups of images ``start`` to ``stop`` to ``sums``, block after block.

    ``tile(kind, ...)`` is a tile of ``tile_rows`` rows and as many vectors as ``kind`` has, whatever its sign; it may
    take ``most_steps`` steps. ``work`` is what ``start_blocks`` hands over: x (batch, height, width, in) and g (batch,
    rows, columns, out), the arrays of a ``Scratch``, the ``offsets`` of its ``Layout``, stride of lines, padding.
    """
    x, g, left, right, sums, left_rows, left_steps, right_steps, stride, padding = work
    group = abs(kind) * LANES
    products, nothing = np.zeros((tile_rows, group), dtype=np.int32), np.zeros(group, dtype=np.int32)
    places = np.arange(tile_rows) * (4 * group)
    pixel_bytes, line_bytes = right.shape[3] * 4, right.shape[2] * right.shape[3] * 4
    together, lines = left.shape[1], left.shape[2]
    for first in range(start, stop, together):
        some = min(together, stop - first)
        for line in range(0, g.shape[1], lines):
            present = min(lines, g.shape[1] - line)
            pack_left(g, left, first, some, line, present)
            pack_right(x, right, first, some, line * stride, padding)
            # A short block of lines is the last one of a single group: its steps come first.
            used = some * present * g.shape[2]
            for done in range(0, used, most_steps):
                steps = min(most_steps, used - done)
                before, after = left_steps.ctypes.data + 8 * done, right_steps.ctypes.data + 8 * done
                for i in range(sums.shape[0]):
                    for j in range(sums.shape[1]):
                        for origin in range(0, sums.shape[3], group):
                            from_right = right.ctypes.data + i * line_bytes + j * pixel_bytes + origin * 4
                            for row in range(0, sums.shape[2], tile_rows):
                                base = left_rows.ctypes.data + 8 * row
                                tile(
                                    kind,
                                    left.ctypes.data,
                                    base,
                                    before,
                                    from_right,
                                    after,
                                    steps,
                                    nothing.ctypes.data,
                                    products.ctypes.data,
                                    places.ctypes.data,
                                )
                                for r in range(tile_rows):
                                    total, found = sums[i, j, row + r, origin : origin + group], products[r]
                                    for c in range(group):
                                        total[c] += found[c]
