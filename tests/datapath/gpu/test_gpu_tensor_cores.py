"""The CUDA sources for tensor cores, run on the CPU with products after the PTX ISA, give the integers of BLAS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.gpu import tensor_cores
from accelsim.datapath.kernels.gpu.source import source_of
from accelsim.formats import integer

NUMPY = NumpyKernels()
BYTES, WIDE = Carrier.of(integer(8), integer(8)), Carrier.of(integer(8), integer(16))
CHANNELS, KERNELS = (1, 3, 16, 17, 64), ((1, 1), (3, 3), (7, 7), (2, 3))
FEW_TILES = st.sampled_from([1, 5, 16, 40])
"""Outputs whose tiles are of two sizes: each size is compiled by itself."""
BLOCKS = st.sampled_from([1, 2, 1024])
"""Blocks that share a weight gradient: one takes many steps, many take one."""
NEW_STEP, OLD_STEP = 80, 75
"""Compute capabilities, ten times, of the two ways to make a step of products."""


@pytest.fixture(scope="module", autouse=True)
def _tensor_cores_for_all() -> Iterator[None]:
    """However small, and with tiles as wide as the outputs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_cores, "LEAST_FILL", 0)
        patch.setattr(tensor_cores, "BLOCKS_ENOUGH", 0)
        yield


@contextmanager
def _shared_by(blocks):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_cores, "BLOCKS_WANTED", blocks)
        yield


@st.composite
def _codes(draw, storage, *shape):
    """Random codes, extremes among them, or extremes alone."""
    limits, rng = np.iinfo(storage), np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.integers(limits.min, limits.max, shape, endpoint=True)
    lowest, highest = draw(st.sampled_from([(0.1, 0.1), (1, 0), (0, 1), (0.5, 0.5)]))
    chance = rng.random(shape)
    return np.where(chance < lowest, limits.min, np.where(chance < lowest + highest, limits.max, x)).astype(storage)


@st.composite
def _convolutions(draw, outputs):
    """x, w, g in 8 and 16 bits, stride, padding."""
    kernel, channels = draw(st.sampled_from(KERNELS)), draw(st.sampled_from(CHANNELS))
    stride, padding = draw(st.tuples(*[st.integers(1, 3)] * 2)), draw(st.tuples(*[st.integers(0, 3)] * 2))
    size = tuple(draw(st.integers(max(1, kernel[i] - 2 * padding[i]), 9)) for i in range(2))
    batch, outputs = draw(st.integers(1, 3)), draw(outputs)
    shape = batch, *((size[i] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in range(2)), outputs
    x, w = draw(_codes("int8", batch, *size, channels)), draw(_codes("int8", outputs, *kernel, channels))
    return x, w, draw(_codes("int8", *shape)), draw(_codes("int16", *shape)), stride, padding


def _same(found, expected, storage):
    assert found.dtype == storage
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found.astype(np.int64), expected.astype(np.int64))


def _all_three(kernels, x, w, g8, g16, stride, padding):
    launched = kernels.launch.launched
    launched.clear()
    way = stride, padding
    _same(kernels.conv2d(x, w, *way, BYTES), NUMPY.conv2d(x, w, *way, BYTES), "int32")
    arguments = g8, w, *way, x.shape, BYTES
    _same(kernels.conv2d_backward_data(*arguments), NUMPY.conv2d_backward_data(*arguments), "int32")
    arguments = x, g16, w.shape[1:3], *way, WIDE
    _same(kernels.conv2d_backward_weights(*arguments), NUMPY.conv2d_backward_weights(*arguments), "int64")
    assert launched == {"convolve_mma", "weight_gradient_mma"}


@pytest.mark.parametrize("backwards", [False, True], ids=["first thread first", "last thread first"])
@settings(max_examples=8, deadline=None)
@given(case=_convolutions(FEW_TILES), blocks=BLOCKS)
def test_convolutions(device, backwards, case, blocks):
    with device(NEW_STEP, backwards) as kernels, _shared_by(blocks):
        _all_three(kernels, *case)


@settings(max_examples=5, deadline=None)
@given(case=_convolutions(st.integers(1, 16)))
def test_convolutions_by_the_smaller_products_of_the_oldest(device, case):
    with device(OLD_STEP) as kernels:
        _all_three(kernels, *case)


@pytest.mark.slow
@pytest.mark.parametrize("capability", [OLD_STEP, NEW_STEP])
@settings(max_examples=150, deadline=None)
@given(case=_convolutions(st.integers(1, 140)), backwards=st.booleans(), blocks=BLOCKS)
def test_convolutions_on_every_tile(device, capability, case, backwards, blocks):
    with device(capability, backwards) as kernels, _shared_by(blocks):
        _all_three(kernels, *case)


@pytest.mark.parametrize("blocks", [1, 3])
def test_weight_gradients_of_blocks_that_take_many_steps(device, rng, blocks):
    x, g = (rng.integers(-128, 128, (3, 11, 13, channels)).astype(np.int8) for channels in (5, 6))
    g = g.astype(np.int16) * 255
    arguments = x, g, (3, 3), (1, 1), (1, 1), WIDE
    with device(NEW_STEP) as kernels, _shared_by(blocks):
        _same(kernels.conv2d_backward_weights(*arguments), NUMPY.conv2d_backward_weights(*arguments), "int64")


@settings(max_examples=6, deadline=None)
@given(data=st.data(), m=st.integers(1, 200), k=st.integers(1, 300), n=st.sampled_from([1, 9, 16, 60]))
def test_matrix_products(device, data, m, k, n):
    a, b = data.draw(_codes("int8", m, k)), data.draw(_codes("int8", k, n))
    g = data.draw(_codes("int16", n, k))
    with device(NEW_STEP) as kernels:
        _same(kernels.matmul(a, b, BYTES), NUMPY.matmul(a, b, BYTES), "int32")
        _same(kernels.matmul(g, b, WIDE), NUMPY.matmul(g, b, WIDE), "int64")


@pytest.mark.parametrize("code", [-1, 32767])
def test_more_pixels_than_32_bits_hold(device, code):
    """Low bytes of 255, the largest, below high ones of -1 and 127."""
    pixels = 66_000
    assert pixels * 255 * 128 > 2**31
    g, x = np.full((1, 1, pixels, 1), code, dtype=np.int16), np.full((1, 1, pixels, 1), -128, dtype=np.int8)
    with device(NEW_STEP) as kernels, _shared_by(1):
        found = kernels.conv2d_backward_weights(x, g, (1, 1), (1, 1), (0, 0), WIDE)
    assert found.tolist() == [[[[pixels * code * -128]]]]


def test_the_longest_sum_of_32_bits(device):
    a = np.full((2, 65_535), -128, dtype=np.int8)
    with device(NEW_STEP) as kernels:
        assert kernels.matmul(a, a.T, BYTES).tolist() == [[65_535 * 2**14] * 2] * 2


def test_tiles_never_meet_a_bank_twice(host_launcher):
    """What the lanes of a warp read or write at a time lies in different banks of shared memory, of 32 words."""
    text = source_of("convolve_mma", (("TILE_N", 16), ("WORDS", 4)))
    text += 'extern "C" int spot_of(int row, int chunk) { return spot(row, chunk); }'
    spot = host_launcher.compiled("spot", text, []).spot_of
    assert {spot(row, chunk) for row in range(128) for chunk in range(4)} == set(range(512))
    for first in range(0, 128, 32):
        fragments = [
            [(first + base + row, chunk) for row in range(8)] for base in range(0, 32, 8) for chunk in range(4)
        ]
        chunks = [[(first + row + i, chunk) for i in range(2) for chunk in range(4)] for row in range(0, 32, 2)]
        columns = [[(first + 4 * k + r, chunk) for k in range(8)] for r in range(4) for chunk in range(4)]
        for places in fragments + chunks + columns:
            assert len({spot(*place) % 8 for place in places}) == len(places) == 8


def test_lanes_that_part_before_a_product_are_found(device, host_launcher):
    text = source_of("convolve_mma", (("TILE_N", 16), ("WORDS", 4))) + (
        "KERNEL parting(i64 from) { i32 d[4]; u32 a[4], b[2]; if (threadIdx.x >= from) mma<true>(d, a, b);"
        " __syncthreads(); }"
    )
    library = host_launcher.compiled("parting", text, ["parting"])
    host_launcher.run(library, "parting", (1,), (64,), [32])
    with pytest.raises(RuntimeError, match="parting: the lanes of a warp part"):
        host_launcher.run(library, "parting", (1,), (64,), [31])
