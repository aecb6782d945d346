"""How a matrix product is cut into SRAM tiles, and the DRAM traffic that follows.

The rule, a heuristic and not a search:

1. Start with the whole product as one tile. While a tile doesn't fit, halve it along one of the two axes of
   the operand that overfills its buffer most (``buffers.input`` left, ``buffers.weight`` right,
   ``buffers.output`` accumulators): the axis that causes less DRAM traffic, the longer one on a tie. Tiles are
   multiples of what one fold covers.
2. Halve on along m, else n, else k, as long as no traffic is added, until there are enough tiles to overlap
   transfers with work (``pipeline_tiles``).
3. An output tile stays while its k-tiles accumulate. Of the two loop orders (n outside m, m outside n) the one
   with less DRAM traffic is taken. The operand of the inner loop is read again for each outer step, unless it
   is whole in its buffer; the operand of the outer loop stays where k is not cut.

A tile holds its share of the operand's real bytes: for a convolution that is the tensor, not its expansion
into a matrix, so the halo that neighbouring tiles share is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from accelsim.errors import UserError
from accelsim.hardware import Buffer, Buffers, MacArray
from accelsim.program import Gemm
from accelsim.timing.stream import NO_STREAM, Stream, pipeline_tiles
from accelsim.timing.systolic import Axis, quantum, size


@dataclass(frozen=True)
class Operand:
    """One side of a product: its bytes, and whether they come from (or go to) DRAM."""

    bytes: int
    in_dram: bool


@dataclass(frozen=True)
class Tiling:
    """A product cut into ``tiles`` tiles of the shape ``tile``; streams are empty for operands on chip."""

    tile: Gemm
    tiles: int
    left: Stream
    right: Stream
    output: Stream


@dataclass(frozen=True)
class _Side:
    """An operand of the product, the axes that cut it and the buffer that holds its tiles."""

    name: str
    operand: Operand
    axes: tuple[Axis, Axis]
    buffer: Buffer

    @property
    def whole(self) -> bool:
        return self.operand.bytes <= self.buffer.tile_bytes

    def tile_bytes(self, gemm: Gemm, tile: Gemm) -> int:
        first, second = self.axes
        share = size(tile, first) * size(tile, second)
        return -(-self.operand.bytes * share // (size(gemm, first) * size(gemm, second)))

    def overfill(self, gemm: Gemm, tile: Gemm) -> float:
        capacity = self.buffer.tile_bytes
        return self.tile_bytes(gemm, tile) / capacity if capacity else math.inf

    def read_bytes(self, sweeps: int) -> int:
        """DRAM traffic of reading the operand in this many sweeps; one is enough where it is whole on chip."""
        return self.operand.bytes * (1 if self.whole else sweeps) if self.operand.in_dram else 0

    def stream(self, counts: dict[Axis, int], sweeps: int) -> Stream:
        if not self.operand.in_dram:
            return NO_STREAM
        # An operand that is kept for later sweeps is there before the first one.
        chunks = 1 if self.whole and sweeps > 1 else counts[self.axes[0]] * counts[self.axes[1]] * sweeps
        return Stream(self.read_bytes(sweeps), chunks)


class ProductTiler:
    """Cuts one product of the operation called ``name``; operands carry the product's real bytes."""

    def __init__(
        self, name: str, gemm: Gemm, operands: tuple[Operand, Operand, Operand], array: MacArray, buffers: Buffers
    ) -> None:
        left, right, output = operands
        self.name = name
        self.gemm = gemm
        self.array = array
        self.left = _Side("input", left, ("m", "k"), buffers.input)
        self.right = _Side("weight", right, ("n", "k"), buffers.weight)
        self.output = _Side("output", output, ("m", "n"), buffers.output)

    @cached_property
    def tiling(self) -> Tiling:
        """The tiling by the rule above.

        Raises:
            UserError: a buffer can't hold the operands of one fold.
        """
        tile = self._overlapping(self._fitting())
        counts = self._counts(tile)
        left_sweeps, right_sweeps = self._sweeps(tile)
        output_tiles = counts["m"] * counts["n"]
        return Tiling(
            tile=tile,
            tiles=output_tiles * counts["k"],
            left=self.left.stream(counts, left_sweeps),
            right=self.right.stream(counts, right_sweeps),
            output=Stream(self.output.operand.bytes, output_tiles) if self.output.operand.in_dram else NO_STREAM,
        )

    def _fitting(self) -> Gemm:
        tile = self.gemm
        while True:
            worst = max((self.left, self.right, self.output), key=lambda side: side.overfill(self.gemm, tile))
            if worst.overfill(self.gemm, tile) <= 1:
                return tile
            longer_first = sorted(worst.axes, key=lambda axis: size(tile, axis), reverse=True)
            halves = list(self._halves(tile, longer_first))
            if not halves:
                raise self._too_small(worst, tile)
            tile = min(halves, key=self._traffic_bytes)

    def _overlapping(self, tile: Gemm) -> Gemm:
        traffic = self._traffic_bytes(tile)
        stored = self.output.operand.bytes if self.output.operand.in_dram else 0
        wanted = pipeline_tiles(traffic + stored)
        while self._tiles(tile) < wanted:
            free = [half for half in self._halves(tile, ("m", "n", "k")) if self._traffic_bytes(half) == traffic]
            if not free:
                break
            tile = free[0]
        return tile

    def _halves(self, tile: Gemm, axes: Iterable[Axis]) -> Iterator[Gemm]:
        """``tile`` halved along each of ``axes`` that still spans more than one fold."""
        for axis in axes:
            step = quantum(self.array, axis)
            length = size(tile, axis)
            if length > step:
                yield replace(tile, **{axis: -(-length // (2 * step)) * step})

    def _counts(self, tile: Gemm) -> dict[Axis, int]:
        axes: tuple[Axis, ...] = ("m", "k", "n")
        return {axis: -(-size(self.gemm, axis) // size(tile, axis)) for axis in axes}

    def _tiles(self, tile: Gemm) -> int:
        counts = self._counts(tile)
        return counts["m"] * counts["k"] * counts["n"]

    def _sweeps(self, tile: Gemm) -> tuple[int, int]:
        """How often the loops pass over the left and over the right operand, in the better order."""
        counts = self._counts(tile)
        kept = counts["k"] == 1
        n_outside = (counts["n"], 1 if kept else counts["m"])
        m_outside = (1 if kept else counts["n"], counts["m"])
        return min(n_outside, m_outside, key=lambda sweeps: (self._read_bytes(*sweeps), sum(sweeps)))

    def _read_bytes(self, left_sweeps: int, right_sweeps: int) -> int:
        return self.left.read_bytes(left_sweeps) + self.right.read_bytes(right_sweeps)

    def _traffic_bytes(self, tile: Gemm) -> int:
        return self._read_bytes(*self._sweeps(tile))

    def _too_small(self, side: _Side, tile: Gemm) -> UserError:
        needed = side.buffer.capacity_for(side.tile_bytes(self.gemm, tile))
        return UserError(
            f"{self.name} does not fit: buffers.{side.name}.capacity_bytes is {side.buffer.capacity_bytes}, "
            f"and one fold of the {self.array.rows} x {self.array.columns} array needs {needed} bytes "
            f"(a tile gets {side.buffer.tile_rule})"
        )
