"""What single operations ask of the hardware."""

from dataclasses import replace
from fractions import Fraction

import pytest

from accelsim.errors import UserError
from accelsim.formats import Role, format_by_name
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import DramModel, Residency, passes, product_cost, simulate
from accelsim.timing.analysis.buffer_fill import Fill, buffer_fills
from accelsim.timing.mapping.lane_plan import lane_streams
from accelsim.timing.mapping.price import Contention, taken_cycles
from accelsim.timing.placement.drain import NO_DRAIN
from accelsim.timing.planner import Planner

IN_DRAM = Residency(frozenset())


def product(gemm, left="int8", right="int8", opcode="matmul"):
    """A program of one product with all operands in DRAM."""
    shapes = [((gemm.m, gemm.k), left), ((gemm.k, gemm.n), right), ((gemm.m, gemm.n), "int32")]
    tensors = [
        TensorSpec(i, f"t{i}", shape, format_by_name(name), Role.INTERNAL) for i, (shape, name) in enumerate(shapes)
    ]
    swapped = opcode.endswith("_backward_weights")
    inputs = (1, 0) if swapped else (0, 1)
    operation = Operation(0, opcode, Unit.MAC_ARRAY, "layer", Phase.FORWARD, inputs, (2,), gemms=(gemm,))
    return Program(tensors, [operation])


def plan(program, hw, residency=IN_DRAM):
    return Planner(program, hw, residency).plan(program.operations[0])


def test_wide_operands_take_one_pass_for_each_slice(load):
    hw = load("int8_range_bn")
    narrow, wide = product(Gemm(64, 64, 64)), product(Gemm(64, 64, 64), right="int16")
    assert passes(wide, wide.operations[0], hw.mac_array) == 2
    assert plan(wide, hw).compute_cycles == 2 * plan(narrow, hw).compute_cycles


def test_each_pass_reads_the_narrow_operand_and_one_slice_of_the_wide_one(load):
    hw = load("int8_range_bn")
    on_chip = Residency(frozenset({0, 1, 2}))
    cost = product_cost(Gemm(64, 64, 64), hw.mac_array)
    sram = plan(product(Gemm(64, 64, 64), right="int16"), hw, on_chip).sram
    assert sram.input.read_bytes == 2 * cost.left_read_words
    assert sram.weight.read_bytes == 2 * cost.right_read_words
    assert sram.output.write_bytes == 2 * 4 * 64 * 64
    assert sram.output.read_bytes == 4 * 64 * 64


def test_partial_sums_are_read_back(load):
    hw = load("tpu_v1")
    sram = plan(product(Gemm(64, 512, 64)), hw, Residency(frozenset({0, 1, 2}))).sram
    assert sram.output.write_bytes == 2 * 4 * 64 * 64
    assert sram.output.read_bytes == 4 * 64 * 64


def test_weight_gradients_take_the_gradient_as_left_operand(load):
    gemm = Gemm(32, 4096, 64)
    found = plan(product(gemm, left="int16", opcode="matmul_backward_weights"), load("int8_range_bn"))
    assert found.sram.input.write_bytes == 2 * gemm.m * gemm.k
    assert found.sram.weight.write_bytes == gemm.k * gemm.n


def test_dram_fills_and_drains_the_buffers(load):
    found = plan(product(Gemm(512, 512, 512)), load("int8_range_bn"))
    assert found.sram.input.write_bytes + found.sram.weight.write_bytes == found.dram_read_bytes
    assert found.dram_write_bytes == 4 * 512 * 512
    assert found.busy_cycles >= found.compute_cycles
    (choice,) = found.tiles
    assert choice.gemm == Gemm(512, 512, 512)
    assert choice.tile.macs < choice.gemm.macs


def test_biases_and_scales(trace, load):
    """A bias moves once; quantising it reads the scales of the operands, not the operands."""
    program, hw = trace("int8_range_bn"), load("int8_range_bn")
    (quantise,) = [op for op in program.operations if op.opcode == "quantise_bias"]
    planner = Planner(program, hw, IN_DRAM)
    assert planner.plan(quantise).dram_read_bytes == 4 * 10
    (matmul,) = [op for op in program.operations if op.opcode == "matmul"]
    assert planner.plan(matmul).dram_read_bytes == 32 * 512 + 512 * 10 + 4 * 10


@pytest.mark.parametrize("doubled", [True, False])
def test_a_product_that_is_cut_fills_buffers_with_its_tiles(load, edit, doubled):
    """Bytes of operands, accumulators of four; two tiles of each where one is on its way, and one where none can be."""
    hw, program = load("int8_range_bn"), product(Gemm(1000, 1000, 1000))
    for name in ("input", "weight", "output"):
        hw = edit(hw, f"buffers.{name}", capacity_bytes=65536, resident_share=0.0, double_buffered=doubled)
    timeline = simulate(program, hw)
    (fill,), ((choice,),) = buffer_fills(program, timeline, hw), [timing.tiles for timing in timeline.operations]
    m, k, n = choice.tile.m, choice.tile.k, choice.tile.n
    assert max(m, n) < 1000
    assert fill == Fill(*((1 + doubled) * size for size in (m * k, k * n, 4 * m * n)))


def lanes(elements, name="int8", unit=Unit.VECTOR):
    format_ = format_by_name(name)
    tensors = [TensorSpec(i, f"t{i}", (elements,), format_, Role.INTERNAL) for i in range(2)]
    work = Work(elements, 0, 1, format_)
    return Program(tensors, [Operation(0, "relu", unit, "layer", Phase.FORWARD, (0,), (1,), work=work)])


def test_lane_cycles_round_up(load):
    assert plan(lanes(65), load("int8_range_bn")).compute_cycles == 2


def test_lane_operations_stream_everything_once(load):
    found = plan(lanes(10**6), load("int8_range_bn"))
    assert found.dram_read_bytes == found.dram_write_bytes == 10**6


@pytest.mark.parametrize("elements", [1, 7, 1000, 300_000])
def test_no_other_tile_of_a_lane_operation_is_better(load, elements):
    """Of all that halve it, or a third of it, on and on, and fit: alone, and with what they take from others."""
    program, hw = lanes(elements), load("int8_range_bn")
    planner = Planner(program, hw, IN_DRAM)
    streams = lane_streams(program, program.operations[0], hw, IN_DRAM, NO_DRAIN)

    def price(steps):
        return planner.cycles(steps) + taken_cycles(planner.dram, 2 * elements, steps.pieces, Contention.SERVED_FIRST)

    halves = [2**power for power in range(elements.bit_length() + 1)]
    tiles = {-(-elements * times // (parts * of)) for parts in halves for times, of in ((1, 1), (2, 3))}
    assert price(planner.plan(program.operations[0]).steps) == min(
        price(streams.tiled(tile)) for tile in tiles if tile <= streams.most
    )


@pytest.mark.parametrize(
    ("turn", "contention", "taken"),
    [
        (0, Contention.SERVED_FIRST, 5.75),
        (5, Contention.SERVED_FIRST, 21.75),
        (0, Contention.SERVED_LATER, 16.5),
        (5, Contention.SERVED_LATER, 32.5),
        (5, Contention.NONE, 0),
    ],
)
def test_what_steps_and_bytes_take_from_others(turn, contention, taken):
    """100 bytes in 4 steps take DRAM 10 cycles: a twentieth and half a step of these count, or all and a step."""
    dram = DramModel(1, 1, 1, 1, 1, Fraction(1, 10), Fraction(0), Fraction(0), 0, min(turn, 2), max(0, turn - 2))
    assert taken_cycles(dram, 100, 4, contention) == pytest.approx(taken)


def test_ports_limit_lanes(load):
    """64 lanes of fp32 need 256 bytes a cycle and the input port gives 128."""
    program, hw = lanes(64_000, "fp32"), load("int8_range_bn")
    found = plan(program, hw, Residency(frozenset({0, 1})))
    assert found.on_chip
    assert (found.busy_cycles, found.port_stall_cycles) == (2 * 1000, 1000)


def test_a_strided_1_x_1_convolution_reads_only_the_pixels_that_it_uses(load):
    """An operand of 4 x 64 x 64 bytes of which the product uses a quarter."""
    program = product(Gemm(64, 64, 64))
    wide = TensorSpec(0, "t0", (4, 64, 64), format_by_name("int8"), Role.INTERNAL)
    program = Program([wide, *program.tensors[1:]], program.operations)
    assert plan(program, load("int8_range_bn")).dram_read_bytes == 2 * 64 * 64


def test_equal_operations_share_a_plan(load):
    program = product(Gemm(64, 64, 64))
    twin = replace(program.operations[0], index=1, layer="other")
    planner = Planner(Program(program.tensors, [program.operations[0], twin]), load("int8_range_bn"), IN_DRAM)
    assert planner.plan(program.operations[0]) is planner.plan(twin)


def test_missing_unit_is_refused(load):
    with pytest.raises(UserError, match="no quantise_unit"):
        simulate(lanes(64, unit=Unit.QUANTISE), load("fp32"))


@pytest.mark.parametrize("capacity", [1, 7])
def test_a_buffer_without_room_for_one_element_is_refused(load, edit, capacity):
    hw = edit(load("int8_range_bn"), "buffers.output", capacity_bytes=capacity)
    with pytest.raises(
        UserError, match=rf"layer/forward/relu .*buffers.output.capacity_bytes is {capacity},.* 15 bytes"
    ):
        simulate(lanes(64, "fp32"), hw)
    with pytest.raises(UserError, match=f"buffers.output.capacity_bytes is {capacity}, and one fold"):
        simulate(product(Gemm(64, 64, 64)), hw)
