"""Streams: bytes that move in tiles, cut into the pieces that the simulator steps through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

MAX_PIECES = 64
"""Most steps in which one operation is simulated; an operation of more tiles takes equal groups of tiles."""
PIPELINE_TILES = 8
"""Tiles into which an operation is cut, where that costs no traffic, so that its transfers hide behind its work."""
PIPELINE_TILE_BYTES = 4096
"""Smallest tile made for that reason alone."""


@dataclass(frozen=True)
class Stream:
    """``bytes`` moved between DRAM and a buffer in ``chunks`` equal transfers over one operation."""

    bytes: int
    chunks: int

    def loads(self, pieces: int) -> list[int]:
        """Bytes to fetch before each piece: the chunks that it starts on. The sum is exact."""
        return self._steps([-(-piece * self.chunks // pieces) for piece in range(1, pieces + 1)])

    def stores(self, pieces: int) -> list[int]:
        """Bytes to write after each piece: the chunks that it finishes. The sum is exact."""
        return self._steps([piece * self.chunks // pieces for piece in range(1, pieces + 1)])

    def _steps(self, chunks_done: Sequence[int]) -> list[int]:
        return _differences([self.bytes * done // self.chunks for done in chunks_done])


NO_STREAM = Stream(0, 1)


def split(total: int, pieces: int) -> list[int]:
    """``total`` in ``pieces`` nearly equal integers whose sum is exact."""
    return split_by_weight(total, [1] * pieces)


def split_by_weight(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in integers proportional to ``weights``, rounded so that their sum is exact."""
    whole = sum(weights)
    return _differences([total * part // whole for part in accumulate(weights)])


def pipeline_tiles(moved_bytes: int) -> int:
    """Tiles worth making of an operation that moves these bytes to and from DRAM, so that stages overlap."""
    return max(1, min(PIPELINE_TILES, moved_bytes // PIPELINE_TILE_BYTES))


def _differences(cumulative: Sequence[int]) -> list[int]:
    return [after - before for before, after in zip((0, *cumulative), cumulative, strict=False)]
