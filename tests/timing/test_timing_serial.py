"""One operation after another: each takes what it takes alone, and more of anything never makes the step longer."""

import copy
import functools
import operator
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware import Dataflow, HardwareConfig, load_hwconfig
from accelsim.hardware.at_least import has_at_least
from accelsim.hardware.epilogues import Epilogue
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import simulate
from accelsim.timing.analysis.critical_path import critical_path
from accelsim.timing.analysis.weight_products import weight_products
from accelsim.timing.fit import check_fit
from accelsim.timing.mapping.lane_plan import lane_streams
from accelsim.timing.mapping.loop_nest import LoopNest
from accelsim.timing.mapping.product_plan import product_parts
from accelsim.timing.mapping.tile_grid import TileGrid
from accelsim.timing.memory.levels import DRAM
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.placement.drain import NO_DRAIN, Drain
from accelsim.timing.placement.nested import nested_placements
from accelsim.timing.placement.residency import Residency, place_tensors
from accelsim.timing.plan import sequence
from accelsim.timing.planned_step import PlannedStep
from accelsim.timing.planner import Planner

CHECK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SIDES = st.sampled_from([1, 16, 50, 64, 200])


@pytest.fixture(scope="module")
def any_program(programs):
    """Grouped products, too."""
    sizes = st.builds(Gemm, SIDES, SIDES, SIDES, st.sampled_from([1, 1, 3]))
    gemms = st.lists(sizes, min_size=1, max_size=2).map(tuple)
    return programs(st.integers(1, 8), SIDES, [Unit.MAC_ARRAY, Unit.VECTOR, Unit.NORM], lambda left, right: gemms)


SIZE = st.integers(2_000, 300_000)
WIDTH = st.sampled_from([4, 16, 64, 256])
MEMORY = st.fixed_dictionaries({"capacity_bytes": SIZE, "bytes_per_cycle": WIDTH, "banks": st.sampled_from([1, 2])})
FIXED = st.fixed_dictionaries(
    {
        "double_buffered": st.booleans(),
        "ports": st.sampled_from(["separate", "shared"]),
        "resident_share": st.sampled_from([0.0, 0.3, 0.5]),
    }
)
PLAIN = {"model": "bandwidth", "standard": "plain", "energy_pj_per_bit": 1}
DRAMS = st.one_of(
    st.fixed_dictionaries(
        {"standard": st.sampled_from(["DDR4-2400", "LPDDR5-6400", "HBM2-2000"]), "channels": st.integers(1, 4)}
    ),
    st.fixed_dictionaries({"bandwidth_bytes_per_s": st.sampled_from([1e9, 9e9, 5e10]), "latency_ns": st.just(40)}).map(
        lambda fields: {**PLAIN, **fields}
    ),
)
GROWS = ("capacity_bytes", "bytes_per_cycle", "banks", "count", "lanes", "channels", "bandwidth_bytes_per_s")


@st.composite
def machines(draw, base):
    """A machine, and one that has more of one thing or of several."""
    sides = st.sampled_from([4, 16, 32])
    array = {"rows": draw(sides), "columns": draw(sides), "dataflow": draw(st.sampled_from(Dataflow))}
    array |= {"fold_overlap": draw(st.sampled_from(["serial", "overlapped"])), "split_products": draw(st.booleans())}
    array |= {"count": draw(st.integers(1, 3)), "cycles_per_mac": draw(st.integers(1, 2))}
    array["edge_folds"] = draw(st.sampled_from(["full", "used"]))
    fields = base.model_dump(mode="json", exclude_none=True, exclude_defaults=True) | {"operation_overlap": "serial"}
    fields["mac_array"] |= array
    levels = [f"l{i}" for i in range(draw(st.integers(0, 2)))]
    fields["buffers"] = {name: draw(MEMORY) | draw(FIXED) for name in ("input", "weight", "output")}
    fields["buffers"]["levels"] = [{"name": name} | draw(MEMORY) | draw(FIXED) for name in levels]
    fields["dram"] = draw(DRAMS)
    grows = [path for path in parts(fields) if path != ("mac_array", "count") or not array["split_products"]]
    more = copy.deepcopy(fields)
    for *path, name in draw(st.lists(st.sampled_from(grows), min_size=1, max_size=3)):
        part = functools.reduce(operator.getitem, path, more)
        part[name] = type(part[name])(part[name] * draw(st.sampled_from([1.25, 2, 3])))
    if draw(st.booleans()):
        more["mac_array"] |= draw(st.sampled_from([{"edge_folds": "used"}, {"fold_overlap": "overlapped"}]))
    for memory in more["buffers"]["levels"] if draw(st.booleans()) else [more["buffers"]["input"]]:
        memory["ports"] = "separate"
    return HardwareConfig.model_validate(fields), HardwareConfig.model_validate(more)


def parts(fields, path=()):
    """Paths of all that there may be more of."""
    for name, value in fields.items() if isinstance(fields, dict) else enumerate(fields):
        if isinstance(value, dict | list):
            yield from parts(value, (*path, name))
        elif name in GROWS:
            yield (*path, name)


def cycles(program, hw):
    try:
        return simulate(program, hw).total_cycles
    except UserError:
        assume(False)


@CHECK
@given(data=st.data())
def test_more_hardware_never_makes_a_step_longer(load, any_program, data):
    program = data.draw(any_program)
    before, after = data.draw(machines(load("int8_range_bn")))
    assert has_at_least(after, before)
    assert cycles(program, after) <= cycles(program, before)


@pytest.mark.slow
@settings(CHECK, max_examples=5)
@given(data=st.data(), fused=st.booleans())
def test_more_hardware_never_makes_a_real_step_longer(load, trace, data, fused):
    before, after = data.draw(machines(load("int8_range_bn")))
    update = {"fused_epilogues": get_args(Epilogue) if fused else ()}
    program = trace("int8_range_bn")
    assert cycles(program, after.model_copy(update=update)) <= cycles(program, before.model_copy(update=update))


@CHECK
@given(data=st.data())
def test_each_operation_takes_what_it_takes_alone(load, any_program, data):
    """One begins as the one before ends, in the order of issue; a run with every piece as an event says the same."""
    program = data.draw(any_program)
    hw, _ = data.draw(machines(load("int8_range_bn")))
    assume(fits(program, hw))
    step = PlannedStep(program, hw)
    timeline = step.simulate()
    ends = [0, *(timing.end_cycle for timing in timeline.operations)]
    assert [timing.start_cycle for timing in timeline.operations] == ends[:-1]
    assert not any(timing.room_cycles or timing.wait_cycles or timing.prefetch_cycles for timing in timeline.operations)
    for timing in timeline.operations:
        assert timing.stalls.total == timing.stall_cycles >= timing.lead_in_cycles + timing.lead_out_cycles
    assert step.simulate(skip=False) == step.simulate(like=timeline) == timeline
    free = step.simulate(untimed=frozenset([0]), like=timeline)
    assert free.total_cycles == timeline.total_cycles - timeline.operations[0].end_cycle


@CHECK
@given(data=st.data())
def test_more_room_keeps_all_that_less_room_keeps(load, any_program, data):
    """In a place as near or nearer, by one of the placements that are tried."""
    program = data.draw(any_program)
    before, after = data.draw(machines(load("int8_range_bn")))
    wide, narrow = (
        [where(placed, len(program.tensors)) for placed in nested_placements(program, place_tensors(program, hw))]
        for hw in (after, before)
    )
    assert len(set(narrow)) == len(narrow)
    for here in narrow:
        assert any(all(map(operator.ge, there, here)) for there in wide)


def where(placed, tensors):
    """How near each tensor is: 0 in DRAM, levels from there inwards, and the operand buffers nearest of all."""
    return tuple(place if place >= DRAM else 1 << 30 for place in placed.places(tensors))


def fits(program, hw):
    try:
        PlannedStep(program, hw)
    except UserError:
        return False
    return True


def test_no_room_is_ever_exceeded(load, trace):
    hw = load("int8_range_bn").model_copy(update={"operation_overlap": "serial"})
    program = trace("int8_range_bn")
    for placed in nested_placements(program, place_tensors(program, hw)):
        lives, kept = placed.lifetimes(program), placed.kept_in(0)
        for turn in range(len(program.operations)):
            there = [i for i in kept if lives.spans[i][0] <= turn < lives.spans[i][1]]
            assert sum(program.tensors[i].bytes for i in there) <= placed.room_bytes[0]


def test_a_step_of_a_shipped_machine(load, trace):
    """Nothing hides beneath anything else; side by side the same step is a good deal shorter."""
    overlapped = load("int8_range_bn")
    serial, program = overlapped.model_copy(update={"operation_overlap": "serial"}), trace("int8_range_bn")
    step, beside = PlannedStep(program, serial), simulate(program, overlapped)
    timeline = step.simulate()
    assert timeline.total_cycles > 1.2 * beside.total_cycles
    assert not any(critical_path(program, timeline).slack_cycles)
    found = weight_products(step, timeline)
    assert found.beside_share == 0
    assert found.extension_cycles == found.held_cycles
    assert has_at_least(overlapped, serial)
    assert not has_at_least(serial, overlapped)


def test_an_operand_that_stays_spares_no_turn_that_was_hidden(load):
    """Loads of the left operand turned DRAM's channel round early, and those of the right one, next, needn't wait."""
    shapes = [(32, 200), (200, 96), (32, 96)]
    tensors = [TensorSpec(i, f"t{i}", shape, integer(8), Role.INTERNAL) for i, shape in enumerate(shapes)]
    product = Operation(0, "op", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (2,), (Gemm(32, 200, 96),))
    fields = load("int8_range_bn").model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    fields["operation_overlap"] = "serial"
    array = {"rows": 8, "columns": 8, "count": 1, "dataflow": "input_stationary", "tiling": "rule"}
    fields["mac_array"] |= array | {"fold_overlap": "overlapped", "edge_folds": "used"}
    sizes = {"input": 12_798, "weight": 38_400, "output": 264}
    fields["buffers"] = {name: {"capacity_bytes": size, "bytes_per_cycle": 4096} for name, size in sizes.items()}
    fields["dram"] = {"standard": "LPDDR5-6400", "channels": 3}
    before = HardwareConfig.model_validate(fields)
    fields["buffers"]["input"]["capacity_bytes"] = 2 * 32 * 200
    after = HardwareConfig.model_validate(fields)
    assert has_at_least(after, before)
    program = Program(tensors, [product])
    assert cycles(program, after) <= cycles(program, before)


def test_more_room_leaves_no_operation_without_a_fold(load):
    """A strided window reads less of an image on chip than DRAM's bursts bring; with more room another tensor stays."""
    shapes = [(1, 8), (1, 40, 100, 1), (1, 16, 16, 8), (8, 1, 1, 8), (1, 8, 8, 8), (1, 8)]
    tensors = [TensorSpec(i, f"t{i}", shape, integer(8), Role.INTERNAL) for i, shape in enumerate(shapes)]
    work, window = Work(100, 0, 1, integer(8)), {"kernel": (1, 1), "stride": (2, 2), "padding": (0, 0)}
    lanes = [
        Operation(i, "op", Unit.VECTOR, "l", Phase.FORWARD, (read,), (made,), work=work)
        for i, (read, made) in enumerate([(0, 1), (0, 2), (1, 5)])
    ]
    product = Operation(3, "conv2d", Unit.MAC_ARRAY, "l", Phase.FORWARD, (2, 3), (4,), (Gemm(64, 8, 8),), None, window)
    program = Program(tensors, [*lanes, product])
    fields = load("int8_range_bn").model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    fields["operation_overlap"] = "serial"
    fields["mac_array"] |= {"rows": 16, "columns": 16, "count": 1, "dataflow": "output_stationary"}
    fields["dram"] = {"standard": "DDR4-2400", "channels": 1}

    def with_room(size):
        buffer = {"bytes_per_cycle": 64, "double_buffered": False}
        fields["buffers"] = {"input": buffer | {"capacity_bytes": 24}, "weight": buffer | {"capacity_bytes": 4000}}
        fields["buffers"]["output"] = buffer | {"capacity_bytes": size, "resident_share": 0.9}
        return HardwareConfig.model_validate(fields)

    sizes = [4000, 5000, 9000]
    found = [simulate(program, with_room(size)).total_cycles for size in sizes]
    assert found == sorted(found, reverse=True)
    for size in sizes:
        check_fit(program, with_room(size))


def test_no_product_of_an_operation_waits_longer_for_more_lanes(load):
    """Of three equal ones beside two others, whatever their lanes take together in the drain."""
    tensors = [TensorSpec(i, f"t{i}", (16, 16), integer(8), Role.INTERNAL) for i in range(3)]
    gemms = Gemm(8, 4, 5, 3), Gemm(4, 4, 7, 2)
    product = Operation(0, "op", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (2,), gemms)
    program = Program(tensors, [product])
    hw = load("int8_range_bn").model_copy(update={"operation_overlap": "serial"})

    def drains(cycles):
        parts = product_parts(program, product, hw, Residency(frozenset()), Drain(cycles=cycles))
        found = [part.product.output.drain_cycles for part in parts for _ in range(part.times)]
        assert cycles <= sum(found) < cycles + len(found)
        return found

    for cycles in range(1, 60):
        assert all(map(operator.ge, drains(cycles + 1), drains(cycles)))


@CHECK
@given(data=st.data())
def test_no_tiles_take_less_than_their_bound(load, any_program, data):
    """Nor where a tile's share of an operand is less than a byte, and its first load none."""
    program = data.draw(any_program)
    hw, _ = data.draw(machines(load("int8_range_bn")))
    in_dram = Residency(frozenset(), level_names=tuple(level.name for level in hw.buffers.levels))
    planner = Planner(program, hw, in_dram)
    operation = data.draw(st.sampled_from(program.operations))
    tensors = [replace(each, format=integer(data.draw(st.sampled_from([2, 8])))) for each in program.tensors]
    small = [replace(each, shape=data.draw(st.sampled_from([each.shape, (1, 3)]))) for each in tensors]
    program = Program(small, program.operations)
    try:
        if operation.gemms:
            for part in product_parts(program, operation, hw, in_dram, NO_DRAIN):
                grid = TileGrid.of(part.product, hw.buffers.levels, search=False)
                for order in grid.only(grid.fits()).orders():
                    least = order.least_cycles(planner.dram, hw.buffers).tolist()
                    for each, tighter in zip(order.candidates(planner.dram).all(), least, strict=True):
                        nest = LoopNest(part.product, Gemm(*each.tile), each.outer, each.held)
                        found = planner.cycles(sequence([(nest.steps, part.product.times)]))
                        assert found >= max(tighter, each.bound)
        else:
            streams = lane_streams(program, operation, hw, in_dram, NO_DRAIN)
            transfers = Transfers(planner.dram.cost, hw.buffers.levels)
            for tile in {streams.most, -(-streams.most // 3), -(-streams.most // 8)}:
                bound = streams.bound(tile, transfers, planner.dram.latency_cycles)
                assert planner.cycles(streams.tiled(tile)) >= bound
    except UserError:
        assume(False)


@pytest.mark.parametrize("tile", [80, 40, 20])
def test_a_channel_turns_round_while_a_level_lags(root, tile):
    """One of 4 bytes a cycle needs longer for a store than DRAM does, which then is ready for the next load."""
    memory = "capacity_bytes: 2000, word_bits: 64, double_buffered: false"
    settings = [f"buffers.{name}={{{memory}, bytes_per_cycle: 64}}" for name in ("input", "weight", "output")]
    settings += [f"buffers.levels=[{{name: l0, {memory}, bytes_per_cycle: 4}}]", "operation_overlap=serial"]
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", settings)
    tensors = [TensorSpec(i, f"t{i}", (1, size), integer(8), Role.INTERNAL) for i, size in enumerate((64, 640))]
    operation = Operation(0, "op", Unit.VECTOR, "l", Phase.FORWARD, (0,), (1,), (), Work(64, 0, 1, integer(8)))
    program, in_dram = Program(tensors, [operation]), Residency(frozenset(), level_names=("l0",))
    planner, streams = Planner(program, hw, in_dram), lane_streams(program, operation, hw, in_dram, NO_DRAIN)
    bound = streams.bound(tile, Transfers(planner.dram.cost, hw.buffers.levels), planner.dram.latency_cycles)
    assert 0.8 * planner.cycles(streams.tiled(tile)) < bound <= planner.cycles(streams.tiled(tile))


def test_an_empty_program(load):
    hw = load("int8_range_bn").model_copy(update={"operation_overlap": "serial"})
    assert simulate(Program([], []), hw).total_cycles == 0
