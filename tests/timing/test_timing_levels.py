"""Levels between DRAM and the operand buffers: what passes them, what they hold, and what they cost."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accelsim.energy import buffer_area_um2, step_energy
from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware import Level, load_hwconfig
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import place_tensors, product_cost, simulate
from accelsim.timing.analysis.cycle_counts import cycle_counts
from accelsim.timing.mapping.holding import Sweep, held_levels
from accelsim.timing.mapping.loop_nest import LoopNest, Operand, Product, Results
from accelsim.timing.mapping.price import Contention, taken_cycles
from accelsim.timing.mapping.tile_grid import TileGrid, lengths
from accelsim.timing.mapping.tiling import RESOLUTION, best_nest
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.memory.levels import DRAM, IN_BUFFERS
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.placement.residency import Residency
from accelsim.timing.planner import Planner

KIB = 1024


def level(name="l2", kib=64, width=16, **choices):
    return Level(name=name, capacity_bytes=kib * KIB, bytes_per_cycle=width, **choices)


@pytest.fixture(scope="module")
def machine(load, edit, plain_dram):
    """A 16 x 16 array with operand buffers of ``kib``, which keep nothing, and 8 bytes a cycle from DRAM, or DDR4."""

    def make(*levels, kib=8, bytes_per_cycle=8, standard=False, **array):
        hw = edit(load("int8_range_bn"), "mac_array", **{"rows": 16, "columns": 16, "count": 1, **array})
        for name in ("input", "weight", "output"):
            hw = edit(hw, f"buffers.{name}", capacity_bytes=kib * KIB, resident_share=0.0, bytes_per_cycle=4096)
        hw = edit(hw, "buffers", levels=levels)
        return hw if standard else plain_dram(hw, bytes_per_cycle)

    return make


@pytest.mark.parametrize(
    ("loads", "choices", "expected"),
    [
        ((80, 0), {}, (10, 30)),
        ((80, 0), {"ports": "shared"}, (10, 70)),
        ((80, 0), {"ports": "shared", "banks": 2}, (10, 30)),
        ((0, 80), {"ports": "shared"}, (0, 40)),
        ((80, 80), {}, (10, 70)),
        ((0, 0), {}, (0, 0)),
    ],
)
def test_a_transfer_takes_as_long_as_the_slowest(machine, loads, choices, expected):
    """80 bytes at 8 a cycle from DRAM, at 2 through the level."""
    slow = level(width=2, **choices)
    transfers = Transfers(DramModel.of(machine(slow)).cost, [slow])
    for write in (False, True):
        move = transfers.move(loads, write)
        assert (move.stream_cycles, move.lag_cycles) == expected


def test_the_slowest_level_is_told(machine):
    levels = level("far", width=2), level("near", width=1)
    transfers = Transfers(DramModel.of(machine()).cost, levels)
    assert transfers.move((0, 10, 0), False)[4:] == (10, 1)
    assert transfers.move((8, 0, 0), False)[4:] == (7, 1)
    assert transfers.move((8, 0, 40), False)[4:] == (47, 1)
    assert Transfers(DramModel.of(machine()).cost, levels[::-1]).move((8, 0, 0), False)[4:] == (7, 0)


def product(m, k, n):
    shapes = ((m, k), (k, n), (m, n))
    tensors = [TensorSpec(i, f"t{i}", shape, integer(8), Role.INTERNAL) for i, shape in enumerate(shapes)]
    gemms = (Gemm(m, k, n),)
    return Program(tensors, [Operation(0, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (2,), gemms)])


def test_what_a_level_holds_is_read_from_dram_once(machine):
    """Neither operand fits its buffer; the level holds none, one or both."""
    program = product(512, 512, 512)
    reads = [
        simulate(program, machine(*levels, fold_overlap="overlapped")).operations[0].dram_read_bytes
        for levels in ((), (level(kib=1),), (level(kib=512),), (level(kib=2048),))
    ]
    assert reads[0] == reads[1] > reads[2] >= reads[3] == 2 * 512 * 512


def test_what_is_swept_may_fill_a_level():
    """The inner level is asked first, and the second operand has what the first one leaves."""
    first, second = (
        Sweep(0, np.full(4, 2.0), np.array(sizes)) for sizes in ([60.0, 100, 101, 301], [40.0, 1, 200, 300])
    )
    found = held_levels([first, second], [300, 100])
    assert [levels.tolist() for levels in found] == [[2, 2, 1, 0], [2, 1, 0, 1]]


def test_a_level_may_hold_only_what_is_swept(machine):
    """With k cut, the outer loop's operand is swept panel by panel, and a panel needs less room than the whole."""
    program = product(1024, 4096, 1024)
    without, small = (
        simulate(program, machine(*levels, fold_overlap="overlapped")).operations[0]
        for levels in ((), (level(kib=2048),))
    )
    assert 2048 * KIB / 2 < 4096 * 1024
    assert small.dram_read_bytes < without.dram_read_bytes


def test_waiting_for_a_level_is_its_own_cause(machine):
    hw = machine(level("far", width=4096), level("near", width=1))
    (timing,) = simulate(product(128, 128, 128), hw).operations
    assert dict(timing.stalls.levels).keys() == {"far", "near"}
    assert dict(timing.stalls.levels)["near"] > 0.7 * (timing.stall_cycles - timing.stalls.revisit_cycles)
    assert dict(timing.stalls.levels)["far"] == 0
    assert timing.stalls.total == timing.stall_cycles
    assert cycle_counts(timing)["stall_level_near_cycles"] == dict(timing.stalls.levels)["near"]


def test_a_level_that_holds_nothing_and_is_fast_changes_no_cycle(case, edit):
    program, hw = case
    passed = edit(hw, "buffers", levels=(Level(name="l2", capacity_bytes=1, bytes_per_cycle=1 << 20),))
    before, after = simulate(program, hw), simulate(program, passed)
    for one, other in zip(before.operations, after.operations, strict=True):
        assert (one.start_cycle, one.end_cycle, one.tiles) == (other.start_cycle, other.end_cycle, other.tiles)
        (access,) = other.sram.levels or (None,)
        moved = one.dram_read_bytes + one.dram_write_bytes
        assert (access.read_bytes == access.write_bytes == moved) if access else moved == 0


RESIDENT = st.sampled_from([0.0, 0.5])
LEVELS = st.lists(
    st.tuples(st.sampled_from([1, 16, 256]), st.sampled_from([1, 8, 64]), RESIDENT, st.booleans()), max_size=3
).map(
    lambda chosen: tuple(
        level(f"level{i}", kib, width, resident_share=share, double_buffered=double)
        for i, (kib, width, share, double) in enumerate(chosen)
    )
)
CHECK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@CHECK
@given(data=st.data(), levels=LEVELS)
def test_bytes_that_enter_a_memory_leave_it_or_stay(machine, graphs, data, levels):
    """From DRAM inwards, what one memory hands on is what the next one takes, up to the operand buffers."""
    program, hw = data.draw(graphs), machine(*levels)
    timeline = simulate(program, hw)
    for operation, timing in zip(program.operations, timeline.operations, strict=True):
        inwards, outwards = timing.dram_read_bytes, timing.dram_write_bytes
        for access in timing.sram.levels:
            outwards, inwards = access.write_bytes - inwards, access.read_bytes - outwards
        assert inwards == timing.sram.input.write_bytes + timing.sram.weight.write_bytes
        outputs = program.outputs_of(operation)[: 1 if operation.gemms else None]
        made = [tensor for tensor in outputs if timeline.residency.place(tensor.index) != IN_BUFFERS]
        assert outwards == sum(tensor.bytes for tensor in made)
        assert all(access.read_bytes >= 0 <= access.write_bytes for access in timing.sram.levels)


def test_where_both_operands_want_the_same_room_either_may_have_it(machine):
    """Room for 5 KiB, and operands of 4 KiB each: every tile that is swept twice comes with one and with the other."""
    hw = machine(level(kib=10), kib=2)
    operand = Operand(64 * 64, DRAM, 1024)
    asked = Product(
        Gemm(64, 64, 64), hw.mac_array, operand, operand, Results(1, KIB, (1, 0)), presets=(0, 0), streams=(0, 0)
    )
    grid = TileGrid.of(asked, hw.buffers.levels, search=False)
    found = {}
    for candidate in grid.candidates(DramModel.of(hw)).all():
        found.setdefault((*candidate.tile, candidate.outer), set()).add(candidate.held)
    assert found[32, 32, 32, "n"] == {(1, 0), (0, 1)}
    assert found[64, 64, 64, "n"] == {(0, 0)}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gemm=st.builds(Gemm, st.just(200), st.sampled_from([8, 64]), st.sampled_from([64, 200])),
    sizes=st.lists(st.tuples(st.sampled_from([4, 64, 1024]), st.sampled_from([4, 512])), max_size=2),
    sources=st.tuples(*[st.sampled_from([DRAM, IN_BUFFERS])] * 2),
    presets=st.sampled_from([0, 100]),
    stored=st.booleans(),
)
@example(gemm=Gemm(200, 8, 200), sizes=[(64, 512)], sources=(DRAM, DRAM), presets=0, stored=True)
def test_no_candidate_beats_its_bound(machine, gemm, sizes, sources, presets, stored):
    """Small tiles and a fast array, so that DRAM turns round often and binds."""
    levels, none = [level(f"level{i}", kib, width) for i, (kib, width) in enumerate(sizes)], (0,) * len(sizes)
    hw = machine(*levels, kib=2, standard=True, fold_overlap="overlapped")
    planner = Planner(product(gemm.m, gemm.k, gemm.n), hw, Residency(frozenset()))
    left, right = Operand(gemm.m * gemm.k, sources[0], KIB), Operand(gemm.k * gemm.n, sources[1], KIB)
    output = Results(4 * gemm.m * gemm.n, KIB, (4 * gemm.m * gemm.n * stored, *none))
    asked = Product(gemm, hw.mac_array, left, right, output, presets=(presets, *none), streams=(0, *none))
    grid = TileGrid.of(asked, hw.buffers.levels, search=False)
    for order in grid.only(grid.fits()).orders():
        least = order.least_cycles(planner.dram, hw.buffers).tolist()
        for candidate, tighter in zip(order.candidates(planner.dram).all(), least, strict=True):
            nest = LoopNest(asked, Gemm(*candidate.tile), candidate.outer, candidate.held)
            assert max(candidate.bound, tighter) <= planner.cycles(nest.steps)
            assert candidate.rest[0] == nest.steps.load_bytes + nest.steps.store_bytes


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gemm=st.builds(Gemm, *[st.sampled_from([40, 64, 100])] * 3),
    sizes=st.lists(st.tuples(st.sampled_from([2, 8, 16, 64]), st.sampled_from([1, 4, 64])), min_size=1, max_size=2),
    standard=st.booleans(),
)
def test_no_other_way_to_hold_operands_is_better(machine, gemm, sizes, standard):
    """Against every tile in every level that has room for what is swept, timed."""
    levels = [level(f"level{i}", kib, width) for i, (kib, width) in enumerate(sizes)]
    hw = machine(*levels, kib=4, standard=standard)
    planner = Planner(product(gemm.m, gemm.k, gemm.n), hw, Residency(frozenset()))
    buffers, count = hw.buffers, len(sizes)
    left, right = Operand(gemm.m * gemm.k, DRAM, 2 * KIB), Operand(gemm.k * gemm.n, DRAM, 2 * KIB)
    stores = (4 * gemm.m * gemm.n, *[0] * count)
    asked = Product(
        gemm,
        hw.mac_array,
        left,
        right,
        Results(stores[0], 2 * KIB, stores),
        presets=(0,) * (1 + count),
        streams=(0,) * (1 + count),
    )

    def price(steps):
        taken = taken_cycles(planner.dram, steps.load_bytes + steps.store_bytes, steps.pieces, Contention.SERVED_FIRST)
        return planner.cycles(steps) + taken

    times = []
    for tile, outer in itertools.product(
        itertools.starmap(Gemm, itertools.product(*(lengths(asked, axis, search=False) for axis in "mkn"))), "mn"
    ):
        parts = [left.bytes, right.bytes]
        parts["mn".index(outer)] = -(-parts["mn".index(outer)] * getattr(tile, outer) // getattr(gemm, outer))
        for held in itertools.product(range(1 + count), repeat=2):
            used = [sum(part for part, at in zip(parts, held, strict=True) if at == n + 1) for n in range(count)]
            fits = max(tile.m * tile.k, tile.k * tile.n, 4 * tile.m * tile.n) <= 2 * KIB
            nest = LoopNest(asked, tile, outer, held)
            if fits and all(a <= level.tile_bytes for a, level in zip(used, buffers.levels, strict=True)):
                times.append(price(nest.steps))
    best = best_nest("name", asked, buffers, planner.dram, planner.cycles)
    grain = max(1, product_cost(gemm, hw.mac_array).cycles / RESOLUTION)
    assert price(best.steps) <= min(times, default=1 << 40) + grain


@st.composite
def chains(draw):
    """Products, each on the result of the one before, then element-wise work."""
    sides = draw(st.lists(st.sampled_from([1, 64, 200, 500]), min_size=3, max_size=5))
    tensors, operations = [TensorSpec(0, "t0", (sides[0], sides[1]), integer(8), Role.INTERNAL)], []
    for k, n in itertools.pairwise(sides[1:]):
        made = len(tensors)
        weight = TensorSpec(made, f"t{made}", (k, n), integer(8), Role.INTERNAL, persistent=True)
        tensors += [
            weight,
            *(TensorSpec(i, f"t{i}", (sides[0], n), integer(8), Role.INTERNAL) for i in (made + 1, made + 2)),
        ]
        index, gemms, work = len(operations), (Gemm(sides[0], k, n),), Work(sides[0] * n, 0, 1, integer(8))
        operations += [
            Operation(index, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (made - 1, made), (made + 1,), gemms),
            Operation(index + 1, "relu", Unit.VECTOR, "l", Phase.FORWARD, (made + 1,), (made + 2,), work=work),
        ]
    return Program(tensors, operations)


def loss(program, hw):
    """Cycles that the resolution of the choice of tiles may cost."""
    products = [gemm for operation in program.operations for gemm in operation.gemms]
    return sum(max(1, product_cost(gemm, hw.mac_array).cycles / RESOLUTION) for gemm in products)


def price(program, hw):
    """Cycles of a chain, with what its operations take from others, which have part in the choice of tiles."""
    timeline, dram = simulate(program, hw), DramModel.of(hw)
    moved = [(timing.dram_read_bytes + timing.dram_write_bytes, timing.pieces) for timing in timeline.operations]
    taken = sum(taken_cycles(dram, float(total), float(steps), Contention.SERVED_FIRST) for total, steps in moved)
    return timeline.total_cycles + taken


@CHECK
@given(
    program=chains(),
    first=st.tuples(st.integers(1, 64), st.sampled_from([1, 64, 256, 1024])),
    second=st.tuples(st.integers(1, 64), st.sampled_from([1, 64, 256])),
    more=st.lists(st.integers(1, 8), min_size=4, max_size=4),
    ports=st.sampled_from(["separate", "shared"]),
)
def test_larger_and_wider_levels_are_never_slower(machine, program, first, second, more, ports):
    sizes = [(width, kib) for width, kib in (first, second)]
    larger = [(width * more[2 * i], kib * more[2 * i + 1]) for i, (width, kib) in enumerate(sizes)]
    before, after = (
        machine(*(level(f"level{i}", kib, width, ports=ports) for i, (width, kib) in enumerate(chosen)))
        for chosen in (sizes, larger)
    )
    assert price(program, after) <= price(program, before) + loss(program, after)


def test_tensors_live_in_the_innermost_level_with_room(machine):
    """Tensors of 4, 40 and 400 KiB, with 0, 8 and 64 KiB of resident shares from the buffers outwards."""
    levels = level("far", 128, resident_share=0.5), level("near", 16, resident_share=0.5)
    sizes = [1, 4 * KIB, 40 * KIB, 400 * KIB, 1]
    tensors = [TensorSpec(i, f"t{i}", (size,), integer(8), Role.INTERNAL) for i, size in enumerate(sizes)]
    operations = [
        Operation(i, "relu", Unit.VECTOR, "l", Phase.FORWARD, (i,), (i + 1,), work=Work(sizes[i], 0, 1, integer(8)))
        for i in range(4)
    ]
    program, hw = Program(tensors, operations), machine(*levels)
    found = place_tensors(program, hw)
    assert [found.where(i) for i in range(1, 5)] == ["near", "far", "dram", "dram"]
    moved = [timing.sram.levels for timing in simulate(program, hw).operations]
    assert [(far.write_bytes, near.write_bytes, near.read_bytes) for far, near in moved] == [
        (1, 4 * KIB + 1, 1),
        (40 * KIB, 40 * KIB, 40 * KIB + 4 * KIB),
        (400 * KIB, 440 * KIB, 440 * KIB),
        (400 * KIB + 1, 400 * KIB + 1, 400 * KIB + 1),
    ]


def test_levels_cost_energy_and_area(machine, graphs):
    program = product(256, 256, 256)
    plain, one = machine(), machine(level(kib=1))
    before, after = simulate(program, plain), simulate(program, one)
    (access,) = after.operations[0].sram.levels
    technology = one.costs()
    passed = access.read_bytes * technology.sram_pj_per_byte(KIB)
    passed += access.write_bytes * technology.sram_pj_per_byte(KIB, write=True)
    assert step_energy(program, after, one).sram_pj == pytest.approx(
        step_energy(program, before, plain).sram_pj + passed
    )
    assert buffer_area_um2(one) == pytest.approx(buffer_area_um2(plain) + 1e6 * technology.sram_mm2(KIB))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("l2", "l2"), "found 'l2' 2 times"),
        (("dram",), "another memory's name"),
        (("L2",), "allowed: lower-case letters"),
    ],
)
def test_levels_have_names_of_their_own(root, tmp_path, names, message):
    text = (root / "hwconfigs" / "int8_range_bn.yaml").read_text(encoding="utf-8")
    rows = "".join(f"    - {{name: {name}, capacity_bytes: 1 MiB, bytes_per_cycle: 64}}\n" for name in names)
    path = tmp_path / "hw.yaml"
    path.write_text(text.replace("buffers:\n", f"buffers:\n  levels:\n{rows}", 1), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_hwconfig(path)


def test_a_hwconfig_with_levels_loads(root, tmp_path):
    text = (root / "hwconfigs" / "int8_range_bn.yaml").read_text(encoding="utf-8")
    row = (
        "    - {name: l2, capacity_bytes: 2 MiB, bytes_per_cycle: 128, banks: 8, ports: shared, resident_share: 0.5}\n"
    )
    path = tmp_path / "hw.yaml"
    path.write_text(text.replace("buffers:\n", f"buffers:\n  levels:\n{row}", 1), encoding="utf-8")
    (found,) = load_hwconfig(path).buffers.levels
    assert (found.resident_bytes, found.tile_bytes, found.bank_bytes) == (1 << 20, 1 << 19, 1 << 18)
    assert math.isclose(found.resident_share, 0.5)
