"""Arrays in blocks along one axis: what shares a scale. The last block may be short."""

from __future__ import annotations

from typing import Any


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
