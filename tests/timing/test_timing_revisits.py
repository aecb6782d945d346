"""Where tiles cut the streamed axis, the array comes back to its folds, and each visit costs what a fold costs."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.hardware import Dataflow, MacArray
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit
from accelsim.timing import Access, Residency, SramTraffic, product_cost
from accelsim.timing.mapping.loop_nest import LoopNest, Operand, Product, Results
from accelsim.timing.mapping.product_plan import product_parts
from accelsim.timing.mapping.systolic import MAPPINGS, quantum, size
from accelsim.timing.memory.levels import IN_BUFFERS
from accelsim.timing.placement.drain import drain_of

HELD = Operand(1, IN_BUFFERS, 1)


def array(dataflow, rows=2, columns=3, **options):
    return MacArray(rows=rows, columns=columns, operand="int8", dataflow=dataflow, **options)


def nest_of(gemm, tile, outer, on, passes=1):
    return LoopNest(Product(gemm, on, HELD, HELD, Results(1, 1), passes), tile, outer)


def walked(nest):
    """Folds that the array comes to, step by step, as an array would that keeps the last one that it came to."""
    mapping, on = MAPPINGS[nest.product.array.dataflow], nest.product.array
    counts = {axis: range(nest.cuts[axis].count) for axis in "mkn"}
    kept, visits = None, 0
    for o, i, k in itertools.product(counts[nest.outer], counts[nest.inner], counts["k"]):
        at = {nest.outer: o, nest.inner: i, "k": k}
        lengths = {axis: nest.cuts[axis].tile_length(at[axis] == counts[axis][-1]) for axis in "mkn"}
        rows, columns = (range(-(-lengths[a] // quantum(on, a))) for a in (mapping.rows, mapping.columns))
        for _, row, column in itertools.product(range(nest.product.passes), rows, columns):
            fold = at[mapping.rows], at[mapping.columns], row, column
            visits += fold != kept or nest.product.passes > 1
            kept = fold
    return visits


@st.composite
def even_nests(draw):
    """Tiles all with as many folds: whole ones, but for the last of an axis that isn't cut."""
    on = array(draw(st.sampled_from(Dataflow)), draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    gemm, tile = {}, {}
    for axis in "mkn":
        fold, parts = quantum(on, axis), draw(st.integers(1, 3))
        tile[axis] = draw(st.integers(1, 2)) * fold - (draw(st.integers(0, fold - 1)) if parts == 1 else 0)
        gemm[axis] = parts * tile[axis]
    return nest_of(Gemm(**gemm), Gemm(**tile), draw(st.sampled_from("mn")), on, draw(st.integers(1, 2)))


@given(even_nests())
def test_visits_are_those_of_an_array_that_keeps_its_last_fold(nest):
    product = nest.product
    assert walked(nest) == nest.visits * product_cost(product.gemm, product.array).folds * product.passes


@pytest.mark.parametrize("dataflow", Dataflow)
@pytest.mark.parametrize(("rows", "columns", "visits"), [(2, 3, 1), (1, 1, 1), (3, 3, 2), (2, 4, 2)])
def test_an_edge_is_a_fold_of_its_own(dataflow, rows, columns, visits):
    """A stream of 4 in two tiles goes on in an array of 2 x 3 that holds all else, and else comes back."""
    mapping = MAPPINGS[dataflow]
    lengths = {mapping.rows: rows, mapping.columns: columns}
    whole, tile = (Gemm(**lengths, **{mapping.streamed: steps}) for steps in (4, 2))
    nest = nest_of(whole, tile, "m", array(dataflow))
    assert nest.visits == visits
    assert walked(nest) == visits * product_cost(whole, nest.product.array).folds


@settings(deadline=None)
@given(
    dataflow=st.sampled_from(Dataflow),
    edges=st.sampled_from(["full", "used"]),
    lengths=st.tuples(*[st.integers(1, 20)] * 3),
    parts=st.tuples(*[st.integers(1, 4)] * 3),
    outer=st.sampled_from("mn"),
)
def test_a_cut_stream_costs_what_its_tiles_cost_one_by_one(dataflow, edges, lengths, parts, outer):
    """Serial folds, by the closed form of each tile; the one fold that stays in the array is charged once."""
    on = array(dataflow, edge_folds=edges)
    gemm = Gemm(*lengths)
    tile = Gemm(*(min(size(gemm, a), p * quantum(on, a)) for a, p in zip("mkn", parts, strict=True)))
    nest = nest_of(gemm, tile, outer, on)
    cuts = [
        [nest.cuts[axis].tile_length(i == nest.cuts[axis].count - 1) for i in range(nest.cuts[axis].count)]
        for axis in "mkn"
    ]
    one_by_one = sum(product_cost(Gemm(*each), on).cycles for each in itertools.product(*cuts))
    whole = product_cost(gemm, on).cycles
    assert nest.compute_cycles == whole
    assert nest.revisit_cycles == (one_by_one - whole if nest.visits > 1 else 0)
    assert nest.steps.busy_cycles == nest.compute_cycles + nest.revisit_cycles


@pytest.mark.parametrize("dataflow", Dataflow)
@pytest.mark.parametrize("length", [4, 2, 1])
def test_overlapped_folds_hide_their_ends_but_not_short_streams(dataflow, length):
    """Streams of 1 are shorter than the two rows that a fold needs to change, but the first or the last shows less."""
    on, gemm = array(dataflow, fold_overlap="overlapped"), Gemm(4, 4, 4)
    streamed = MAPPINGS[dataflow].streamed
    nest = nest_of(gemm, Gemm(**{axis: length if axis == streamed else 4 for axis in "mkn"}), "m", on)
    folds = product_cost(gemm, on).folds
    assert nest.visits == 4 // length
    assert nest.revisit_cycles == (folds * (4 * 2 - 4) - 1 if length == 1 else 0)


@pytest.fixture
def parts(load, edit):
    """The one product of a matrix product of bytes, on 16 x 16."""

    def make(gemm, dataflow, **buffer):
        hw = edit(load("int8_range_bn"), "mac_array", rows=16, columns=16, dataflow=dataflow)
        for name in ("input", "weight", "output"):
            hw = edit(hw, f"buffers.{name}", **buffer)
        shapes = (gemm.m, gemm.k), (gemm.k, gemm.n), (gemm.m, gemm.n)
        formats = integer(8), integer(8), integer(32)
        tensors = [TensorSpec(i, f"t{i}", shapes[i], formats[i], Role.INTERNAL, persistent=i < 2) for i in range(3)]
        operation = Operation(0, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (2,), (gemm,))
        program, nothing = Program(tensors, [operation]), Residency(frozenset())
        (part,) = product_parts(program, operation, hw, nothing, drain_of(program, operation, nothing, lambda unit: 1))
        return part.product

    return make


TILES = {Dataflow.OUTPUT_STATIONARY: Gemm(64, 16, 64), Dataflow.WEIGHT_STATIONARY: Gemm(16, 64, 64)}
TILES[Dataflow.INPUT_STATIONARY] = Gemm(64, 64, 16)


@pytest.mark.parametrize("dataflow", Dataflow)
def test_what_is_read_and_written_again(parts, dataflow):
    """A stationary operand is read again; partial sums leave and are added to."""
    nest = LoopNest(parts(Gemm(64, 64, 64), dataflow), TILES[dataflow], "m")
    assert nest.visits == 4
    again = nest.revisit_traffic
    operand, sums = Access(3 * 64 * 64), Access(3 * 4 * 64 * 64, 3 * 4 * 64 * 64)
    stationary = {Dataflow.WEIGHT_STATIONARY: "weight", Dataflow.INPUT_STATIONARY: "input"}.get(dataflow)
    assert again == (SramTraffic(**{stationary: operand}) if stationary else SramTraffic(output=sums))


@pytest.mark.parametrize(("ports", "banks", "expected"), [("separate", 1, 4), ("shared", 2, 7)])
def test_partial_sums_pass_the_port_of_their_buffer(parts, ports, banks, expected):
    """Output stationary, four visits: sums are written four times, and read three times."""
    product = parts(Gemm(64, 64, 64), Dataflow.OUTPUT_STATIONARY, bytes_per_cycle=1, ports=ports, banks=banks)
    nest = LoopNest(product, TILES[Dataflow.OUTPUT_STATIONARY], "m")
    assert nest.port_cycles == expected * 4 * 64 * 64
    assert nest.port_stall_cycles == nest.port_cycles - nest.compute_cycles - nest.revisit_cycles
