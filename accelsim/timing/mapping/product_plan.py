"""Plan of a MAC array operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from accelsim.hardware import Buffer, Dataflow, HardwareConfig, MacArray
from accelsim.program import Gemm, Operation, Program, TensorSpec
from accelsim.timing.mapping.loop_nest import LoopNest, Operand, Product, Results, SharedPort
from accelsim.timing.mapping.moves import moves_of
from accelsim.timing.mapping.operands import passes, product_operands
from accelsim.timing.mapping.price import Contention
from accelsim.timing.mapping.reach import Reach
from accelsim.timing.mapping.revisits import Revisit
from accelsim.timing.mapping.shares import Cut, places, split_by_weight
from accelsim.timing.mapping.systolic import product_cost
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS, Moved, level_accesses
from accelsim.timing.memory.sram import Access, SramTraffic
from accelsim.timing.placement.drain import Drain
from accelsim.timing.placement.residency import Residency
from accelsim.timing.plan import OperationPlan, TileChoice

# Their first operand is what a window slides over.
_SLIDING = frozenset({"conv2d", "conv2d_backward_weights"})


@dataclass(frozen=True)
class ProductPart:
    """A product of an operation, ``times`` over, and what the array and the drain read and write on chip each time."""

    product: Product
    traffic: SramTraffic
    times: int = 1

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for parts with equal plans on the same hwconfig, however often."""
        p = self.product
        return (
            p.gemm,
            p.left,
            p.right,
            p.output,
            p.passes,
            p.port_cycles,
            p.presets,
            p.streams,
            p.revisit,
            p.contention,
            p.times,
            self.traffic,
        )


def product_parts(
    program: Program, operation: Operation, hw: HardwareConfig, residency: Residency, drain: Drain
) -> list[ProductPart]:
    """The operation's products, which run one after the other.

    A strided data gradient has several: each reads the whole left operand (again, unless that is whole in its buffer),
    its own part of the weights, and makes its own part of the output. Groups of a convolution have parts of their own
    of all three; the last one takes what rounding leaves over.
    """
    return _Parts(program, operation, hw, residency, drain).all()


def product_plan(part: ProductPart, nest_of: Callable[[Product], LoopNest]) -> OperationPlan:
    """The plan of one product, cut as ``nest_of`` says."""
    nest = nest_of(part.product)
    product = part.product
    fills = SramTraffic(
        input=Access(write_bytes=nest.left_read_bytes + sum(product.streams)),
        weight=Access(write_bytes=nest.right_read_bytes + product.preset_bytes),
        output=Access(read_bytes=product.output.stored_bytes),
        levels=level_accesses(nest.steps.loads, nest.steps.stores),
    )
    return OperationPlan(
        compute_cycles=nest.compute_cycles,
        steps=nest.steps,
        sram=part.traffic + nest.revisit_traffic + fills,
        port_stall_cycles=nest.port_stall_cycles,
        revisit_stall_cycles=nest.revisit_cycles,
        tiles=(TileChoice(product.gemm, nest.tile, nest.outer, nest.dram_read_bytes),),
    )


class _Parts:
    def __init__(
        self, program: Program, operation: Operation, hw: HardwareConfig, residency: Residency, drain: Drain
    ) -> None:
        self.operation = operation
        self.gemms = operation.gemms
        self.operands = product_operands(program, operation)
        self.passes = passes(program, operation, hw.mac_array)
        self.hw = hw
        self.residency = residency
        self.drain = drain
        self.moves = moves_of(program, operation, drain)
        self.levels = len(hw.buffers.levels)

    def all(self) -> list[ProductPart]:
        outputs = [gemm.count * gemm.m * gemm.n for gemm in self.gemms]
        weights = [gemm.count * gemm.k * gemm.n for gemm in self.gemms]
        lefts = [self._read_bytes(self.operands.left, gemm.count * gemm.m * gemm.k) for gemm in self.gemms]
        rights = split_by_weight(self._read_bytes(self.operands.right, sum(weights)), weights)
        by_output = [self.operands.output.bytes, self.drain.streamed_bytes]
        by_output += [*self._stores(), *self.residency.moved(self.moves.streamed)]
        others = (split_by_weight(total, outputs) for total in by_output)
        sizes = zip(lefts, rights, *others, strict=True)
        return [part for i, each in enumerate(sizes) for part in self._equal(i, self.gemms[i], each)]

    def _equal(self, position: int, gemm: Gemm, sizes: tuple[int, ...]) -> Iterator[ProductPart]:
        """The equal products of one entry: the first has the bias and the drain, the last what rounding leaves over."""
        cut, one = Cut(gemm.count, 1), replace(gemm, count=1)
        for place in places(gemm.count):
            shares = [cut.share(total, place.last) for total in sizes]
            product, traffic = self._part(one, shares, kept=position > 0, first=position == 0 and place.first)
            if self.hw.serial:
                product = replace(product, times=place.times)
            yield ProductPart(product, traffic, place.times)

    def _drain_cycles(self, gemm: Gemm) -> int:
        """A product's share of what lanes in the drain need, rounded up: none has more to do with more lanes."""
        outputs = sum(each.count * each.m * each.n for each in self.gemms)
        return -(-self.drain.cycles * gemm.m * gemm.n // outputs)

    def _part(self, gemm: Gemm, sizes: list[int], *, kept: bool, first: bool) -> tuple[Product, SramTraffic]:
        """A product, and what it accesses on chip; ``kept``: one before it has read the same left operand."""
        buffers, left = self.hw.buffers, self.operands.left
        left_bytes, right_bytes, wide_bytes, streamed_bytes, *by_place = sizes
        stores, streams = tuple(by_place[: 1 + self.levels]), tuple(by_place[1 + self.levels :])
        kept = kept and left.bytes <= buffers.input.tile_bytes
        extra = self.moves.inputs if first else ()
        drained = self.drain.traffic if first else SramTraffic()
        traffic = self._traffic(gemm) + SramTraffic(
            input=Access(read_bytes=streamed_bytes), weight=Access(read_bytes=sum(tensor.bytes for tensor in extra))
        )
        results = drained + SramTraffic(output=Access(read_bytes=sum(stores)))
        revisit = self._revisit(gemm, traffic, results)
        product = Product(
            gemm=gemm,
            array=self.hw.mac_array,
            left=_operand(left_bytes, IN_BUFFERS if kept else self._place(left), buffers.input, traffic.input),
            right=_operand(right_bytes, self._place(self.operands.right), buffers.weight, traffic.weight),
            output=Results(wide_bytes, buffers.output.tile_bytes, stores, self._drain_cycles(gemm)),
            passes=self.passes,
            port_cycles=traffic.port_cycles(buffers, tiles=results),
            presets=self.residency.moved(extra),
            streams=streams,
            revisit=revisit,
            contention=Contention.of(self.operation, self.hw),
        )
        return product, traffic + drained

    def _stores(self) -> Moved:
        """What is stored in the end, by the place that it goes to."""
        return self.residency.moved(self.moves.stored)

    def _read_bytes(self, tensor: TensorSpec, places: int) -> int:
        """Bytes of an operand that a product reads; a window that is smaller than its stride leaves pixels out.

        DRAM gives whole bursts of what it reaches, and all that they bring goes into the buffer.
        """
        window = self.operation.attributes if self.operation.opcode in _SLIDING else {}
        if "kernel" not in window or tensor.index != self.operation.inputs[0]:
            return min(tensor.bytes, tensor.bytes_for(places))
        reach = Reach.of(tensor, window)
        if self._place(tensor) != DRAM:
            return reach.pixel_bytes
        return reach.burst_bytes(self.hw.dram.burst_bytes)

    def _place(self, tensor: TensorSpec) -> int:
        return self.residency.place(tensor.index)

    def _traffic(self, gemm: Gemm) -> SramTraffic:
        """What the array reads and writes over all passes; partial sums are read back to be added to."""
        array, operands = self.hw.mac_array, self.operands
        cost = product_cost(gemm, array)
        written = cost.output_write_words * self.passes
        return SramTraffic(
            input=Access(read_bytes=_operand_bytes(operands.left, cost.left_read_words, self.passes, array)),
            weight=Access(read_bytes=_operand_bytes(operands.right, cost.right_read_words, self.passes, array)),
            output=Access(
                read_bytes=operands.output.format.bytes_for(written - gemm.m * gemm.n),
                write_bytes=operands.output.format.bytes_for(written),
            ),
        )

    def _revisit(self, gemm: Gemm, first: SramTraffic, tiles: SramTraffic) -> Revisit:
        """One more visit to all folds, which access the buffers as ``first`` says on the first one."""
        buffers, once = self.hw.buffers, self._traffic(gemm)
        if self.hw.mac_array.dataflow is Dataflow.WEIGHT_STATIONARY:
            more = SramTraffic(weight=once.weight)
            return Revisit.of(more, buffers.weight, first.weight, more.weight, tiles.weight)
        if self.hw.mac_array.dataflow is Dataflow.INPUT_STATIONARY:
            more = SramTraffic(input=once.input)
            return Revisit.of(more, buffers.input, first.input, more.input, tiles.input)
        more = SramTraffic(output=Access(once.output.write_bytes, once.output.write_bytes))
        return Revisit.of(more, buffers.output, first.output, more.output, tiles.output)


def _operand(size_bytes: int, source: int, buffer: Buffer, array: Access) -> Operand:
    """An operand whose buffer the array accesses as ``array`` says."""
    shared = buffer.fills_take_turns and buffer.double_buffered
    port = SharedPort(array.bytes, buffer.bytes_per_cycle) if shared else None
    return Operand(size_bytes, source, buffer.tile_bytes, port)


def _operand_bytes(tensor: TensorSpec, words: int, all_passes: int, array: MacArray) -> int:
    """Bytes read: each pass takes one slice of each operand, so a wide operand is read once per slice of the other."""
    return tensor.bytes_for(words * all_passes // array.passes(tensor.format, array.operand_format))
