"""Plan of a MAC array operation."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.formats import Format
from accelsim.hardware import HardwareConfig, MacArray
from accelsim.program import Gemm, Operation, Program, TensorSpec
from accelsim.timing.operands import ProductOperands, passes, product_operands
from accelsim.timing.plan import OperationPlan, Streams, cut, joined
from accelsim.timing.residency import Residency
from accelsim.timing.sram import Access, SramTraffic
from accelsim.timing.stream import MAX_PIECES, Stream, split_by_weight
from accelsim.timing.systolic import ProductCost, product_cost
from accelsim.timing.tiling import Operand, ProductTiler


def product_plan(program: Program, operation: Operation, hw: HardwareConfig, residency: Residency) -> OperationPlan:
    """Plan the operation's products one after the other on one array.

    A strided data gradient has several products: each reads the whole left operand (again, unless that is
    whole in its buffer), its own part of the weights, and makes its own part of the output.

    Raises:
        UserError: a buffer can't hold the operands of one fold.
    """
    planner = _ProductPlanner(operation, product_operands(program, operation), hw, residency)
    planner.passes = passes(program, operation, hw.mac_array)
    return planner.plan()


@dataclass
class _ProductPlanner:
    operation: Operation
    operands: ProductOperands
    hw: HardwareConfig
    residency: Residency
    passes: int = 1

    def plan(self) -> OperationPlan:
        gemms = self.operation.gemms
        rights = split_by_weight(self.operands.right.bytes, [gemm.k * gemm.n for gemm in gemms])
        outputs = split_by_weight(self.operands.output.bytes, [gemm.m * gemm.n for gemm in gemms])
        parts = zip(gemms, rights, outputs, strict=True)
        return joined([self._part(i, gemm, right, output) for i, (gemm, right, output) in enumerate(parts)])

    def _part(self, position: int, gemm: Gemm, right_bytes: int, output_bytes: int) -> OperationPlan:
        array, buffers = self.hw.mac_array, self.hw.buffers
        sides = (
            Operand(self.operands.left.bytes, self._left_in_dram(position)),
            Operand(right_bytes, self._in_dram(self.operands.right)),
            Operand(output_bytes, self._in_dram(self.operands.output)),
        )
        tiling = ProductTiler(self.operation.name, gemm, sides, array, buffers).tiling
        cost = product_cost(gemm, array)
        extra = self.operands.extra if position == 0 else ()
        biases = [Stream(tensor.bytes, 1) for tensor in extra if self._in_dram(tensor)]
        streams = Streams([tiling.left], [tiling.right, *biases], [tiling.output])
        traffic = self._traffic(gemm, cost) + _preset(extra)
        limit = MAX_PIECES // len(self.operation.gemms)
        return cut(cost.cycles * self.passes, tiling.tiles, traffic, streams, buffers, limit)

    def _in_dram(self, tensor: TensorSpec) -> bool:
        return self.residency.in_dram(tensor.index)

    def _left_in_dram(self, position: int) -> bool:
        left = self.operands.left
        kept = position > 0 and left.bytes <= self.hw.buffers.input.tile_bytes
        return self._in_dram(left) and not kept

    def _traffic(self, gemm: Gemm, cost: ProductCost) -> SramTraffic:
        """What the array reads and writes over all passes; partial sums are read back to be added to."""
        array, operands = self.hw.mac_array, self.operands
        written = cost.output_write_words * self.passes
        return SramTraffic(
            input=Access(read_bytes=_operand_bytes(operands.left.format, cost.left_read_words, self.passes, array)),
            weight=Access(read_bytes=_operand_bytes(operands.right.format, cost.right_read_words, self.passes, array)),
            output=Access(
                read_bytes=operands.output.format.bytes_for(written - gemm.m * gemm.n),
                write_bytes=operands.output.format.bytes_for(written),
            ),
        )


def _operand_bytes(format_: Format, words: int, all_passes: int, array: MacArray) -> int:
    """Bytes read: each pass takes one slice of each operand, so a wide operand is read once per slice of the other."""
    return format_.bytes_for(words * all_passes // array.passes(format_, array.operand_format))


def _preset(extra: tuple[TensorSpec, ...]) -> SramTraffic:
    return SramTraffic(weight=Access(read_bytes=sum(tensor.bytes for tensor in extra)))
