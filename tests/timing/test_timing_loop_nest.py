"""Pieces of tiled products: sums are exact, and loads follow the loops."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.hardware import Dataflow, MacArray
from accelsim.program import Gemm
from accelsim.timing import product_cost
from accelsim.timing.mapping.loop_nest import LoopNest, Operand, Product, Results, SharedPort
from accelsim.timing.mapping.price import Contention
from accelsim.timing.mapping.revisits import Revisit
from accelsim.timing.mapping.systolic import quantum, size
from accelsim.timing.mapping.tile_grid import TileGrid
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS
from accelsim.timing.memory.sram import Access, SramTraffic
from accelsim.timing.plan import Piece, Segment, sequence, with_first, with_last

DRAM_MODEL = DramModel(1, 1, 1, 1, 1, Fraction(1), Fraction(0), Fraction(0), 1, 0, 0)
SIDES = st.integers(1, 6)
ARRAYS = st.builds(
    MacArray,
    rows=SIDES,
    columns=SIDES,
    operand=st.just("int8"),
    dataflow=st.sampled_from(Dataflow),
    edge_folds=st.sampled_from(["full", "used"]),
    fold_overlap=st.sampled_from(["serial", "overlapped"]),
    cycles_per_mac=st.integers(1, 3),
    count=st.integers(1, 3),
    split_products=st.booleans(),
)
LENGTHS = st.integers(1, 40)
GEMMS = st.builds(Gemm, LENGTHS, LENGTHS, LENGTHS)
SOURCES = st.sampled_from([DRAM, IN_BUFFERS])
OPERANDS = st.builds(Operand, bytes=st.integers(1, 5000), source=SOURCES, tile_bytes=st.integers(1, 5000))


@st.composite
def nests(draw):
    gemm, array = draw(GEMMS), draw(ARRAYS)
    tile = {axis: min(size(gemm, axis), draw(st.integers(1, 5)) * quantum(array, axis)) for axis in "mkn"}
    product = Product(
        gemm=gemm,
        array=array,
        left=draw(OPERANDS),
        right=draw(OPERANDS),
        output=Results(100, 100, (draw(st.integers(0, 1000)),), draw(st.sampled_from([0, 5000]))),
        passes=draw(st.integers(1, 2)),
        port_cycles=draw(st.sampled_from([0, 10**6])),
        presets=(draw(st.sampled_from([0, 17])),),
        streams=(draw(st.sampled_from([0, 1001])),),
    )
    return LoopNest(product, Gemm(**tile), draw(st.sampled_from("mn")))


@settings(deadline=None)
@given(nests())
def test_sums_are_exact(nest):
    product, pieces = nest.product, list(nest.steps)
    assert len(pieces) == nest.steps.pieces == nest.cuts["m"].count * nest.cuts["k"].count * nest.cuts["n"].count
    for field in ("load_bytes", "busy_cycles", "store_bytes"):
        assert getattr(nest.steps, field) == sum(getattr(piece, field) for piece in pieces)
    fetched = nest.left_read_bytes + nest.right_read_bytes
    assert nest.steps.load_bytes == fetched + product.preset_bytes + sum(product.streams)
    assert nest.steps.store_bytes == product.output.stored_bytes
    array, stall = nest.compute_cycles + nest.revisit_cycles, nest.port_stall_cycles
    busy, rounding = array + stall, 3 * len(pieces) * (product.port_cycles > 0)
    assert product.port_cycles - array <= stall <= product.port_cycles + rounding
    assert busy <= nest.steps.busy_cycles <= busy + product.output.drain_cycles
    if not product.array.split_products:
        assert nest.compute_cycles == product.passes * product_cost(product.gemm, product.array).cycles


@settings(deadline=None)
@given(
    nest=nests(),
    contention=st.sampled_from(Contention),
    widths=st.tuples(*[st.sampled_from([0, 1, 50])] * 2),
    more_port_bytes=st.sampled_from([0, 900]),
)
def test_the_work_of_many_tilings_is_that_of_their_steps(nest, contention, widths, more_port_bytes):
    ports = [SharedPort(3000, width) if width else None for width in widths]
    left, right = (
        replace(each, port=port) for each, port in zip((nest.product.left, nest.product.right), ports, strict=True)
    )
    revisit = Revisit(SramTraffic(input=Access(200, 10)), 2000, more_port_bytes, 3)
    product = replace(nest.product, left=left, right=right, contention=contention, revisit=revisit)
    grid = TileGrid.of(product, (), search=False)
    for order in grid.orders():
        found = order.work().least_cycles.tolist()
        tilings = order.candidates(DRAM_MODEL).all()
        steps = [LoopNest(product, Gemm(*each.tile), each.outer).steps.busy_cycles for each in tilings]
        assert found == steps


ARRAY = MacArray(rows=2, columns=2, operand="int8", dataflow=Dataflow.OUTPUT_STATIONARY)


def loads(outer, *, left_tile=8, right_tile=8, k=2):
    """Load bytes of each step of a 4 x 4 x 6 product of bytes in tiles of 2 x ``k`` x 2."""
    left, right = Operand(16, DRAM, left_tile), Operand(24, DRAM, right_tile)
    product = Product(Gemm(4, 4, 6), ARRAY, left, right, Results(24, 24, (24,)))
    return [piece.load_bytes for piece in LoopNest(product, Gemm(2, k, 2), outer).steps]


def test_both_operands_move_at_each_step_where_k_is_cut():
    assert loads("n") == loads("m") == [8] * 12


def test_the_outer_operand_stays_where_k_is_not_cut():
    """Tiles of 8 bytes: with n outside, the right one at the first of two steps over m, the left one at each."""
    assert loads("n", k=4) == [16, 8] * 3
    assert loads("m", k=4) == [16, 8, 8] * 2


def test_a_whole_operand_is_loaded_once():
    assert loads("n", left_tile=16) == [8, 8] * 2 + [4] * 8
    assert loads("m", right_tile=24) == [8] * 6 + [4] * 6
    assert loads("m", left_tile=16, right_tile=24) == [8, 8, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0]


def test_results_are_stored_after_the_last_k():
    product = Product(Gemm(4, 4, 6), ARRAY, Operand(16, DRAM, 8), Operand(24, DRAM, 8), Results(24, 24, (24,)))
    assert [piece.store_bytes for piece in LoopNest(product, Gemm(2, 2, 2), "n").steps] == [0, 4] * 6


def test_long_products_are_a_few_pieces():
    product = Product(Gemm(10**6, 10**4, 10**6), ARRAY, *[Operand(10**10, DRAM, 64)] * 2, Results(1, 1, (10**12,)))
    steps = LoopNest(product, Gemm(2, 3, 2), "n").steps
    assert steps.pieces == (10**6 // 2) ** 2 * 3334

    def parts(segment):
        return sum(parts(part) if isinstance(part, Segment) else 1 for part in segment.body)

    assert parts(steps) < 40


PIECE = Piece(1, 2, 3)


@given(st.lists(st.tuples(st.sampled_from([PIECE, Piece(4, 5, 6), Segment((PIECE, PIECE), 2)]), st.integers(0, 3))))
def test_sequences_keep_every_piece(parts):
    flat = []
    for part, times in parts:
        flat += [*part] * times if isinstance(part, Segment) else [part] * times
    assert list(sequence(parts)) == flat


@pytest.mark.parametrize("repeats", [1, 3])
def test_first_and_last_pieces_can_differ(repeats):
    steps = Segment((PIECE, Segment((PIECE,), 2)), repeats)
    plain = [PIECE] * (3 * repeats)
    assert list(with_first(steps, (10,), 20)) == [Piece(11, 22, 3), *plain[1:]]
    assert list(with_last(steps, 20)) == [*plain[:-1], Piece(1, 22, 3)]
