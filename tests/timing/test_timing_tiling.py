"""The tile rule: tiles fit, traffic is what the loops cause, and what can't fit is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.hardware import Buffer, Buffers, Dataflow, MacArray
from accelsim.program import Gemm
from accelsim.timing.tiling import Operand, ProductTiler

SIZES = st.integers(1, 2000)
GEMMS = st.builds(Gemm, SIZES, SIZES, SIZES)
DATAFLOWS = st.sampled_from(Dataflow)
ARRAY = MacArray(rows=8, columns=16, operand="int8", dataflow=Dataflow.OUTPUT_STATIONARY)


def buffers(kib=16, **capacities):
    sizes = {"input": kib * 1024, "weight": kib * 1024, "output": kib * 1024, **capacities}
    return Buffers(**{name: Buffer(capacity_bytes=size, bytes_per_cycle=64) for name, size in sizes.items()})


def tiler(gemm, *, array=ARRAY, memory=None, in_dram=(True, True, True)):
    sizes = (gemm.m * gemm.k, gemm.k * gemm.n, 4 * gemm.m * gemm.n)
    left, right, output = (Operand(size, place) for size, place in zip(sizes, in_dram, strict=True))
    return ProductTiler("layer/forward/matmul", gemm, (left, right, output), array, memory or buffers())


@given(GEMMS, DATAFLOWS)
def test_tiles_fit_and_cover(gemm, dataflow):
    array = ARRAY.model_copy(update={"dataflow": dataflow})
    found = tiler(gemm, array=array).tiling
    assert found.tile.m * found.tile.k <= 8192
    assert found.tile.k * found.tile.n <= 8192
    assert 4 * found.tile.m * found.tile.n <= 8192
    assert found.tiles * found.tile.macs >= gemm.macs


@given(GEMMS, DATAFLOWS)
def test_every_operand_moves_at_least_once(gemm, dataflow):
    found = tiler(gemm, array=ARRAY.model_copy(update={"dataflow": dataflow})).tiling
    assert found.left.bytes >= gemm.m * gemm.k
    assert found.right.bytes >= gemm.k * gemm.n
    assert found.output.bytes == 4 * gemm.m * gemm.n


@given(GEMMS)
def test_larger_buffers_never_cost_traffic_of_an_uncut_operand(gemm):
    found = tiler(gemm, memory=buffers(kib=65536)).tiling
    assert (found.left.bytes, found.right.bytes) == (gemm.m * gemm.k, gemm.k * gemm.n)


def test_a_whole_weight_operand_is_read_once():
    found = tiler(Gemm(100_000, 72, 64)).tiling
    assert found.right.bytes == 72 * 64
    assert found.left.bytes == 100_000 * 72


def test_long_reductions_cut_k_and_store_at_the_end():
    found = tiler(Gemm(8, 100_000, 16)).tiling
    assert found.left.bytes == 8 * 100_000
    assert found.right.bytes == 16 * 100_000
    assert found.output.chunks == 1


def test_the_cheaper_operand_is_read_again():
    """Neither side fits whole: one is read once, the other once for each of its partner's tiles."""
    gemm = Gemm(512, 64, 2048)
    found = tiler(gemm).tiling
    once = {found.left.bytes == gemm.m * gemm.k, found.right.bytes == gemm.k * gemm.n}
    assert once == {True, False}


def test_operands_on_chip_cost_no_traffic():
    found = tiler(Gemm(512, 64, 2048), in_dram=(False, True, False)).tiling
    assert (found.left.bytes, found.output.bytes) == (0, 0)
    assert found.right.bytes == 64 * 2048


def test_a_fold_that_does_not_fit_is_refused():
    array = ARRAY.model_copy(update={"dataflow": Dataflow.WEIGHT_STATIONARY})
    with pytest.raises(UserError) as refused:
        _ = tiler(Gemm(64, 64, 64), array=array, memory=buffers(weight=100)).tiling
    message = str(refused.value)
    assert "layer/forward/matmul" in message
    assert "buffers.weight.capacity_bytes is 100" in message
    assert f"needs {2 * 8 * 16} bytes" in message


def test_operations_are_cut_to_overlap_transfers():
    assert tiler(Gemm(1024, 64, 64), memory=buffers(kib=65536)).tiling.tiles == 8
