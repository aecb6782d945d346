"""Arrays in blocks along one axis: what shares a scale. The last block may be short."""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class Along(NamedTuple):
    """Where blocks lie: along ``axes``, neighbours in ascending order that are taken as one.

    With ``run`` that one is cut into runs of so many elements, and no block reaches from one into the next.
    """

    axes: tuple[int, ...] = (-1,)
    run: int = 0

    def run_in(self, shape: tuple[int, ...]) -> int:
        """Elements of a run."""
        return self.run or math.prod([shape[axis] for axis in self.axes])

    def viewed(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        """``shape`` with an axis for runs, and the place of the one that lies along them, which blocks lie along."""
        first, run = self.axes[0] % len(shape), self.run_in(shape)
        runs = math.prod([shape[axis] for axis in self.axes]) // run
        return (*shape[:first], runs, run, *shape[first + len(self.axes) :]), first + 1


def split(xp: Any, x: Any, axis: int, block: int) -> Any:
    """``x`` with ``axis`` moved last and cut into (blocks, block); a short last block is filled with zeros.

    Raises:
        ValueError: ``block`` is below 1.
    """
    if block < 1:
        raise ValueError(f"a block holds 1 element or more, not {block}")
    moved = xp.moveaxis(x, axis, -1)
    length = moved.shape[-1]
    count = -(-length // block)
    padded = xp.zeros((*moved.shape[:-1], count * block), dtype=x.dtype)
    padded[..., :length] = moved
    return padded.reshape(*moved.shape[:-1], count, block)


def join(xp: Any, blocks: Any, axis: int, length: int) -> Any:
    """Undo ``split`` for an axis of ``length`` elements."""
    *outer, count, block = blocks.shape
    return xp.moveaxis(blocks.reshape(*outer, count * block)[..., :length], -1, axis)


def spread(xp: Any, per_block: Any, axis: int, block: int, length: int) -> Any:
    """One number a block along ``axis``, repeated for each of the ``length`` elements."""
    repeated = xp.moveaxis(xp.repeat(per_block, block, axis=axis), axis, -1)
    return xp.moveaxis(repeated[..., :length], -1, axis)
