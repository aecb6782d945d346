"""How much of the operand buffers the tiles of each operation take.

By the rules that tiles are chosen by: two of them where a buffer is double-buffered and there is more than one, and an
operand that is whole in its buffer stays there. What lives on chip for longer (``Residency``) isn't a tile.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import prod

from accelsim.hardware import HardwareConfig
from accelsim.program import Gemm, Operation, Program, Unit
from accelsim.timing.mapping.alike import Alike
from accelsim.timing.mapping.lane_plan import drain_on, lane_streams
from accelsim.timing.mapping.loop_nest import Operand
from accelsim.timing.mapping.product_plan import ProductPart, product_parts
from accelsim.timing.mapping.systolic import Axis, size
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.memory.levels import IN_BUFFERS
from accelsim.timing.placement.drain import Drain
from accelsim.timing.plan import TileChoice
from accelsim.timing.planner import depths
from accelsim.timing.timeline import OperationTiming, Timeline


@dataclass(frozen=True)
class Fill:
    """Bytes of the tiles that an operation holds in each operand buffer at its fullest."""

    input_bytes: int = 0
    weight_bytes: int = 0
    output_bytes: int = 0


def buffer_fills(program: Program, timeline: Timeline, hw: HardwareConfig) -> list[Fill]:
    """Those of each operation, in issue order; nothing of one that takes no time."""
    fills = _Fills(program, timeline, hw)
    return [
        fills.of(operation, timing) if timing.end_cycle > timing.start_cycle else Fill()
        for operation, timing in zip(program.operations, timeline.operations, strict=True)
    ]


class _Fills:
    """Those of operations that are alike, and whose tensors lie in the same places, are worked out once."""

    def __init__(self, program: Program, timeline: Timeline, hw: HardwareConfig) -> None:
        self._program, self._residency, self._hw = program, timeline.residency, hw
        self._fetch_depth, self._store_depth, _ = depths(hw.buffers, DramModel.of(hw))
        self._alike = Alike.of(program, self._residency.drained)
        self._places = self._residency.places(len(program.tensors))
        self._known: dict[Hashable, Fill] = {}

    def of(self, operation: Operation, timing: OperationTiming) -> Fill:
        """Of one that takes time."""
        key = self._alike.key(operation.index, self._places)
        if key not in self._known:
            self._known[key] = self._fill(operation, timing)
        return self._known[key]

    def _fill(self, operation: Operation, timing: OperationTiming) -> Fill:
        drain = drain_on(self._program, operation, self._residency, self._hw)
        if operation.unit is not Unit.MAC_ARRAY:
            return self._of_lanes(operation, timing.pieces, drain)
        parts = product_parts(self._program, operation, self._hw, self._residency, drain)
        return self._of_product(parts, timing.tiles, kept=operation.outputs[0] in self._residency.on_chip)

    def _of_lanes(self, operation: Operation, pieces: int, drain: Drain) -> Fill:
        streams = lane_streams(self._program, operation, self._hw, self._residency, drain)
        fetched, stored = (-(-sum(moved) // pieces) for moved in (streams.loads, streams.stores))
        return Fill(
            input_bytes=min(pieces, self._fetch_depth) * fetched,
            output_bytes=min(pieces, self._store_depth) * stored,
        )

    def _of_product(self, parts: Sequence[ProductPart], choices: Sequence[TileChoice], *, kept: bool) -> Fill:
        """The most of its products, which run one after the other; results that are ``kept`` on chip aren't tiles."""
        found = [
            (
                self._operand_bytes(part.product.left, choice, ("m", "k")),
                self._operand_bytes(part.product.right, choice, ("k", "n")),
                0 if kept else _tiles_bytes(part.product.output.bytes, choice, ("m", "n"), self._store_depth),
            )
            for part, choice in zip(parts, choices, strict=True)
        ]
        return Fill(*(max(sizes) for sizes in zip(*found, strict=True)))

    def _operand_bytes(self, operand: Operand, choice: TileChoice, axes: tuple[Axis, Axis]) -> int:
        if operand.source == IN_BUFFERS:
            return 0
        return operand.bytes if operand.whole else _tiles_bytes(operand.bytes, choice, axes, self._fetch_depth)


def _tiles_bytes(whole_bytes: int, choice: TileChoice, axes: tuple[Axis, Axis], most: int) -> int:
    """Of at most so many tiles of an operand, and never more than all of it."""
    tile_bytes = -(-whole_bytes * _places(choice.tile, axes) // _places(choice.gemm, axes))
    return min(whole_bytes, most * tile_bytes)


def _places(gemm: Gemm, axes: tuple[Axis, Axis]) -> int:
    return prod(size(gemm, axis) for axis in axes)
