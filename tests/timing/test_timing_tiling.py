"""Tiles fit, traffic is what the loops cause, the fastest candidate is taken, and what can't fit is refused."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.hardware import Buffer, Buffers, Dataflow, MacArray
from accelsim.program import Gemm
from accelsim.timing import product_cost
from accelsim.timing.mapping.loop_nest import LoopNest, Operand, Product, Results
from accelsim.timing.mapping.price import Contention, taken_cycles
from accelsim.timing.mapping.systolic import quantum
from accelsim.timing.mapping.tile_grid import TileGrid, least_busy_cycles, lengths
from accelsim.timing.mapping.tiling import RESOLUTION, _ways, best_nest
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.pipelines.loops import assemble
from accelsim.timing.pipelines.memory_system import Solo
from accelsim.timing.planner import depths

SIZES = st.integers(1, 2000)
GEMMS = st.builds(Gemm, SIZES, SIZES, SIZES)
DATAFLOWS = st.sampled_from(Dataflow)
ARRAY = MacArray(rows=8, columns=16, operand="int8", dataflow=Dataflow.OUTPUT_STATIONARY)


def buffers(kib=16, **capacities):
    sizes = {"input": kib * 1024, "weight": kib * 1024, "output": kib * 1024, **capacities}
    return Buffers(**{name: Buffer(capacity_bytes=size, bytes_per_cycle=64) for name, size in sizes.items()})


@pytest.fixture(scope="module")
def dram(load):
    return DramModel.of(load("int8_range_bn"))


def alone(memory, dram):
    """Cycles of a plan that runs alone."""

    def cycles(steps):
        if not steps.moves:
            return steps.busy_cycles
        loops = assemble([steps], Transfers(dram.cost))
        return Solo(depths(memory, dram)).run(loops, 0).cycles

    return cycles


def product(gemm, *, array=ARRAY, memory=None, in_dram=(True, True, True)):
    memory = memory or buffers()
    sources = [DRAM if each else IN_BUFFERS for each in in_dram]
    left = Operand(gemm.m * gemm.k, sources[0], memory.input.tile_bytes)
    right = Operand(gemm.k * gemm.n, sources[1], memory.weight.tile_bytes)
    wide = 4 * gemm.m * gemm.n
    return Product(gemm, array, left, right, Results(wide, memory.output.tile_bytes, (wide * in_dram[2],)))


def nest(dram, gemm, *, memory=None, **changes):
    memory = memory or buffers()
    return best_nest("layer/forward/matmul", product(gemm, memory=memory, **changes), memory, dram, alone(memory, dram))


@settings(max_examples=30, deadline=None)
@given(gemm=GEMMS, dataflow=DATAFLOWS)
def test_tiles_fit_and_every_operand_moves(dram, gemm, dataflow):
    found = nest(dram, gemm, array=ARRAY.model_copy(update={"dataflow": dataflow}))
    assert found.tile.m * found.tile.k <= 8192
    assert found.tile.k * found.tile.n <= 8192
    assert 4 * found.tile.m * found.tile.n <= 8192
    assert found.left_read_bytes >= gemm.m * gemm.k
    assert found.right_read_bytes >= gemm.k * gemm.n
    assert found.steps.store_bytes == 4 * gemm.m * gemm.n


@given(GEMMS, DATAFLOWS, st.sampled_from("mkn"))
def test_candidate_lengths_are_folds_and_a_search_has_all_of_the_rule(gemm, dataflow, axis):
    rule = product(gemm, array=ARRAY.model_copy(update={"dataflow": dataflow}))
    step, whole = quantum(rule.array, axis), getattr(gemm, axis)
    found = lengths(rule, axis, search=False)
    assert found[0] == whole
    assert found[-1] == min(whole, step)
    assert all(length == whole or length % step == 0 for length in found)
    assert set(found) <= set(lengths(rule, axis, search=True))


def grain(gemm, array=ARRAY):
    """Cycles that don't decide."""
    return max(1, product_cost(gemm, array).cycles / RESOLUTION)


def taken(steps, dram, later=False):
    """What a plan takes from others, where the channel turns to and fro in 9 cycles."""
    share = 1 + 1 / steps.pieces if later else 0.05 + 0.5 / steps.pieces
    return 9 * steps.pieces + share * (steps.load_bytes + steps.store_bytes) / dram.bytes_per_cycle


@settings(max_examples=10, deadline=None)
@given(
    gemm=st.builds(Gemm, st.integers(50, 100), st.integers(50, 100), st.integers(50, 100)),
    contention=st.sampled_from(Contention),
    goal=st.sampled_from(["time", "traffic"]),
    in_dram=st.tuples(*[st.booleans()] * 3),
)
@example(gemm=Gemm(96, 98, 91), contention=Contention.SERVED_FIRST, goal="time", in_dram=(True,) * 3).via(
    "half a cycle doesn't decide, and there is less to move"
)
@example(gemm=Gemm(95, 79, 97), contention=Contention.SERVED_FIRST, goal="time", in_dram=(True,) * 3).via(
    "7 cycles don't decide, and there are fewer steps"
)
def test_no_other_candidate_is_better(dram, gemm, contention, goal, in_dram):
    """The bound that ends the search early loses nothing: against every candidate, timed.

    A step costs a turn of the channel and half the time of its bytes there, and a byte a twentieth of its own; beside
    the serial path both cost all of that. Where nothing else runs, neither costs anything, and every cycle counts.
    """
    memory, array = buffers(kib=16), ARRAY.model_copy(update={"tiling_goal": goal})
    cycles, asked = alone(memory, dram), product(gemm, array=array, memory=memory, in_dram=in_dram)
    asked = replace(asked, contention=contention)
    shapes = itertools.product(*(lengths(asked, axis, search=False) for axis in "mkn"))

    def rank(steps):
        bytes_on_dram = steps.load_bytes + steps.store_bytes
        alone = contention is Contention.NONE
        price = cycles(steps) + (0 if alone else taken(steps, dram, later=contention is Contention.SERVED_LATER))
        ranked = price // (1 if alone else grain(gemm)), bytes_on_dram, steps.pieces
        return (bytes_on_dram, *ranked) if goal == "traffic" else ranked

    assert dram.to_read_cycles + dram.to_write_cycles == 9
    ranks = []
    for shape, outer in itertools.product(shapes, "mn"):
        tile = Gemm(*shape)
        fits = max(tile.m * tile.k, tile.k * tile.n, 4 * tile.m * tile.n) <= memory.input.tile_bytes
        candidate = LoopNest(asked, tile, outer)
        if fits:
            ranks.append(rank(candidate.steps))
    assert rank(best_nest("name", asked, memory, dram, cycles).steps) == min(ranks)


@settings(max_examples=10, deadline=None)
@given(
    gemm=st.builds(Gemm, *[st.integers(1, 60)] * 3),
    contention=st.sampled_from(Contention),
    in_dram=st.tuples(*[st.booleans()] * 3),
    options=st.fixed_dictionaries(
        {
            "tiling": st.sampled_from(["rule", "search"]),
            "split_products": st.booleans(),
            "edge_folds": st.sampled_from(["full", "used"]),
            "fold_overlap": st.sampled_from(["serial", "overlapped"]),
        }
    ),
)
def test_of_candidates_that_are_as_good_the_first_by_the_simple_bound_is_taken(
    dram, gemm, contention, in_dram, options
):
    """Whatever the tighter bound leaves out: against all that are given, timed, in that order."""
    memory, array = buffers(kib=4), ARRAY.model_copy(update={"count": 2, **options})
    cycles, asked = alone(memory, dram), product(gemm, array=array, memory=memory, in_dram=in_dram)
    asked = replace(asked, contention=contention)
    grain = 1 if contention is Contention.NONE else max(1, least_busy_cycles(asked) / RESOLUTION)

    def rank(candidate, found):
        return (found + taken_cycles(dram, *candidate.rest, contention)) // grain, *candidate.rest

    given_all = []
    for way, search in itertools.product(_ways(asked), [False, True][: 1 + (options["tiling"] == "search")]):
        grid = TileGrid.of(way, (), search=search)
        given_all += [(way, each) for each in grid.only(grid.fits()).candidates(dram).all()]
    in_order = sorted(given_all, key=lambda each: rank(each[1], each[1].bound))
    nests = [LoopNest(way, Gemm(*each.tile), each.outer, each.held) for way, each in in_order]
    ranks = [rank(each, cycles(nest.steps)) for (_, each), nest in zip(in_order, nests, strict=True)]
    assert best_nest("name", asked, memory, dram, cycles) == nests[ranks.index(min(ranks))]


@settings(max_examples=20, deadline=None)
@given(gemm=GEMMS, dataflow=DATAFLOWS, in_dram=st.tuples(*[st.booleans()] * 3), contention=st.sampled_from(Contention))
def test_one_tile_takes_what_the_tighter_bound_says(dram, gemm, dataflow, in_dram, contention):
    """But for a turn of the channel."""
    memory = buffers(kib=65536)
    array = ARRAY.model_copy(update={"dataflow": dataflow})
    asked = replace(product(gemm, array=array, memory=memory, in_dram=in_dram), contention=contention)
    whole = next(TileGrid.of(asked, (), search=False).orders()).only(np.array([0]))
    (candidate,) = whole.candidates(dram).all()
    nest = LoopNest(asked, Gemm(*candidate.tile), candidate.outer)
    assert nest.steps.pieces == 1
    (least,) = whole.least_cycles(dram, memory).tolist()
    assert 0 <= alone(memory, dram)(nest.steps) - least <= dram.to_write_cycles


def test_less_traffic_may_take_longer(dram):
    """What is fastest for this product reads an operand more often than it must."""
    goals = {goal: ARRAY.model_copy(update={"tiling_goal": goal}) for goal in ("time", "traffic")}
    found = {goal: nest(dram, Gemm(2048, 1024, 512), array=array).steps for goal, array in goals.items()}
    moved = {goal: steps.load_bytes + steps.store_bytes for goal, steps in found.items()}
    cycles = {goal: alone(buffers(), dram)(steps) for goal, steps in found.items()}
    assert moved["traffic"] < moved["time"]
    assert cycles["traffic"] > cycles["time"]


@settings(max_examples=20, deadline=None)
@given(gemm=GEMMS, dataflow=DATAFLOWS)
def test_a_search_is_never_slower_than_the_rule(dram, gemm, dataflow):
    cycles = alone(buffers(), dram)
    rule, search = (ARRAY.model_copy(update={"dataflow": dataflow, "tiling": tiling}) for tiling in ("rule", "search"))
    steps = [nest(dram, gemm, array=array).steps for array in (rule, search)]
    found = [cycles(each) + taken(each, dram) for each in steps]
    assert found[1] <= found[0] + grain(gemm, rule)


def test_a_whole_weight_operand_is_read_once(dram):
    found = nest(dram, Gemm(100_000, 72, 64))
    assert found.right_read_bytes == 72 * 64
    assert found.left_read_bytes == 100_000 * 72


def test_long_reductions_cut_k_and_store_at_the_end(dram):
    found = nest(dram, Gemm(8, 100_000, 16))
    assert found.left_read_bytes == 8 * 100_000
    assert found.right_read_bytes == 16 * 100_000
    assert [piece.store_bytes for piece in found.steps][:-1] == [0] * (found.steps.pieces - 1)


def test_operands_on_chip_cost_no_traffic(dram):
    found = nest(dram, Gemm(512, 64, 2048), in_dram=(False, True, False))
    assert found.left_read_bytes == found.steps.store_bytes == 0
    assert found.right_read_bytes == 64 * 2048


def test_a_fold_that_does_not_fit_is_refused(dram):
    array = ARRAY.model_copy(update={"dataflow": Dataflow.WEIGHT_STATIONARY})
    with pytest.raises(UserError) as refused:
        nest(dram, Gemm(64, 64, 64), array=array, memory=buffers(weight=100))
    message = str(refused.value)
    assert "layer/forward/matmul" in message
    assert "buffers.weight.capacity_bytes is 100" in message
    assert f"needs {2 * 8 * 16} bytes" in message


def test_products_are_cut_to_overlap_transfers(dram):
    assert nest(dram, Gemm(2048, 256, 256), memory=buffers(kib=65536)).steps.pieces > 1
