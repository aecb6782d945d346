"""Ports and banks of on-chip memories: what takes turns, and that more of either never costs."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.energy import buffer_area_um2
from accelsim.energy.figures import sram_pj_per_byte
from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware import Buffer, Dataflow, load_hwconfig
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import Access, simulate
from accelsim.timing.mapping.tiling import RESOLUTION

NAMES = ("input", "weight", "output")


def buffer(**choices):
    return Buffer(capacity_bytes=1024, bytes_per_cycle=10, **choices)


@pytest.mark.parametrize(
    ("choices", "cycles"),
    [
        ({}, 6),
        ({"ports": "shared"}, 6 + 4 + 2 + 1),
        ({"ports": "shared", "banks": 2}, 6 + 4),
        ({"ports": "shared", "double_buffered": False}, 6 + 4),
        ({"banks": 4}, 6),
    ],
)
def test_what_takes_turns(choices, cycles):
    """A unit that reads 60 bytes and writes 40, while 20 bytes come in and 10 go out."""
    assert Access(60, 40).port_cycles(buffer(**choices), tiles=Access(10, 20)) == cycles


def product():
    tensors = [TensorSpec(i, f"t{i}", (256, 256), integer(8), Role.INTERNAL) for i in range(3)]
    gemms = (Gemm(256, 256, 256),)
    return Program(tensors, [Operation(0, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (2,), gemms)])


def lanes():
    tensors = [TensorSpec(i, f"t{i}", (100_000,), integer(8), Role.INTERNAL) for i in range(2)]
    work = Work(100_000, 0, 1, integer(8))
    return Program(tensors, [Operation(0, "relu", Unit.VECTOR, "l", Phase.FORWARD, (0,), (1,), work=work)])


@pytest.fixture(scope="module")
def machine(load, edit, plain_dram):
    def make(width, dataflow=Dataflow.OUTPUT_STATIONARY, **choices):
        hw = edit(load("int8_range_bn"), "mac_array", rows=16, columns=16, dataflow=dataflow)
        for name in NAMES:
            hw = edit(hw, f"buffers.{name}", bytes_per_cycle=width, resident_share=0.0, **choices)
        return plain_dram(hw, 64)

    return make


@pytest.mark.parametrize("program", [product(), lanes()], ids=["product", "lanes"])
def test_one_bank_with_one_port_is_held_up_by_tiles_on_their_way(machine, program):
    width = 4
    separate, banked, single = (
        simulate(program, machine(width, **choices)).operations[0]
        for choices in ({}, {"ports": "shared", "banks": 2}, {"ports": "shared"})
    )
    assert separate.sram == banked.sram
    assert separate.end_cycle <= banked.end_cycle < single.end_cycle
    busiest = max(
        Access(getattr(single.sram, name).read_bytes, getattr(single.sram, name).write_bytes).bytes for name in NAMES
    )
    array_cycles = single.compute_cycles + single.stalls.revisit_cycles
    assert array_cycles + single.stalls.buffer_port_cycles == -(-busiest // width)


CHECK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@CHECK
@given(
    width=st.sampled_from([1, 8, 64]),
    banks=st.integers(1, 4),
    more=st.integers(0, 4),
    dataflow=st.sampled_from(Dataflow),
)
@pytest.mark.parametrize("program", [product(), lanes()], ids=["product", "lanes"])
def test_more_banks_or_ports_are_never_slower(machine, program, width, banks, more, dataflow):
    try:
        before = simulate(program, machine(width, dataflow, ports="shared", banks=banks))
    except UserError:
        assume(False)
    for choices in ({"ports": "shared", "banks": banks + more}, {"ports": "separate", "banks": banks}):
        after = simulate(program, machine(width, dataflow, **choices))
        assert after.total_cycles <= before.total_cycles * (1 + 1 / RESOLUTION) + 1


def test_banks_cost_their_own_capacity(load, edit):
    hw = load("int8_range_bn")
    banked = edit(hw, "buffers.input", banks=4)
    small = edit(hw, "buffers.input", capacity_bytes=hw.buffers.input.capacity_bytes // 4)
    for write in (False, True):
        quarter = sram_pj_per_byte(small, small.buffers.input, write=write)
        assert sram_pj_per_byte(banked, banked.buffers.input, write=write) == quarter
        assert quarter < sram_pj_per_byte(hw, hw.buffers.input, write=write)
    others = buffer_area_um2(hw) - hw.costs().sram_mm2(hw.buffers.input.capacity_bytes) * 1e6
    input_um2 = hw.costs().sram_mm2(small.buffers.input.capacity_bytes) * 1e6
    assert buffer_area_um2(banked) == pytest.approx(others + 4 * input_um2)


def test_a_bank_has_at_least_a_byte(root):
    settings = ["buffers.input.capacity_bytes=16", "buffers.input.banks=17"]
    with pytest.raises(UserError, match=r"buffers\.input\.banks=17: found 17, and capacity_bytes is 16"):
        load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", settings)
