"""What cutting the streamed axis of a product costs: the array comes back to the same folds.

A fold keeps its stationary operand, or (output stationary) its partial sums, while the third axis streams through. A
tile ends the stream. Where the next step goes on with the very same fold, the array just goes on. Else it comes back to
the fold once for every tile along the streamed axis, and each such visit costs what a fold costs besides its stream:

- weight and input stationary: the stationary operand is loaded again, and read again from its buffer;
- output stationary: partial sums leave for the output buffer, and are added to there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from accelsim.hardware import Buffer, MacArray
from accelsim.program import Gemm
from accelsim.timing.mapping.holding import Floats
from accelsim.timing.mapping.shares import Cut
from accelsim.timing.mapping.systolic import MAPPINGS, Axis, size
from accelsim.timing.memory.sram import Access, SramTraffic


@dataclass(frozen=True)
class Revisit:
    """What one more visit to all folds accesses on chip, in ``traffic``, which is that of one buffer.

    ``port_bytes`` pass the port of that buffer with one visit, ``more_port_bytes`` more with each further one.
    """

    traffic: SramTraffic = field(default_factory=SramTraffic)
    port_bytes: int = 0
    more_port_bytes: int = 0
    bytes_per_cycle: int = 1

    @classmethod
    def of(cls, traffic: SramTraffic, buffer: Buffer, first: Access, more: Access, tiles: Access) -> Revisit:
        """Of a ``buffer`` that one visit accesses as ``first`` says, and each further one as ``more``."""
        port_bytes = first.port_bytes(buffer, tiles)
        return cls(traffic, port_bytes, (first + more).port_bytes(buffer, tiles) - port_bytes, buffer.bytes_per_cycle)

    def port_cycles(self, visits: Floats) -> Floats:
        """Cycles that the port needs."""
        return np.ceil((self.port_bytes + (visits - 1) * self.more_port_bytes) / self.bytes_per_cycle)


def tile_visits(array: MacArray, passes: int, gemm: Gemm, tile: Gemm, outer: Axis) -> int:
    """``visits`` for one ``tile`` of one product."""
    axes: tuple[Axis, ...] = ("m", "k", "n")
    lengths = {axis: np.array(size(tile, axis), float) for axis in axes}
    counts = {axis: np.array(Cut(size(gemm, axis), size(tile, axis)).count, float) for axis in axes}
    return int(visits(array, passes, lengths, counts, outer))


def visits(
    array: MacArray, passes: int, tile: Mapping[Axis, Floats], counts: Mapping[Axis, Floats], outer: Axis
) -> Floats:
    """How often the array comes to each fold, for tiles of these lengths, of which there are ``counts`` along an axis.

    Of several passes each brings other bits of an operand, and takes its partial sums away, so that nothing stays.
    """
    mapping = MAPPINGS[array.dataflow]
    folds = np.ceil(tile[mapping.rows] / array.rows) * np.ceil(tile[mapping.columns] / array.columns)
    stays = folds <= (array.count if array.split_products else 1)
    loops: tuple[Axis, ...] = (outer, "n" if outer == "m" else "m", "k")
    for inside in loops[loops.index(mapping.streamed) + 1 :]:
        stays = stays & (counts[inside] == 1)
    return np.where(stays & (passes == 1), 1.0, counts[mapping.streamed])
