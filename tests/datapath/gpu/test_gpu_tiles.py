"""Which products go to tensor cores, and on which tiles: by the device and the shape."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.gpu import CudaKernels
from accelsim.datapath.kernels.gpu.launch import CupyLauncher
from accelsim.datapath.kernels.gpu.tensor_cores import LEAST_FILL, fill, smallest, unit_of
from accelsim.formats import integer

BYTES, WIDE = Carrier.of(integer(8), integer(8)), Carrier.of(integer(8), integer(16))
SHAPES = {
    "stage": ((64, 32, 32, 16), (16, 3, 3, 16), "convolve_mma", {"TILE_N": 16, "WORDS": 4}),
    "stem": ((64, 32, 32, 3), (64, 3, 3, 3), "convolve_mma", {"TILE_N": 64, "WORDS": 1}),
    "wide": ((8, 64, 64, 64), (256, 3, 3, 64), "convolve_mma", {"TILE_N": 128, "WORDS": 4}),
    "wide of few pixels": ((2, 16, 16, 64), (256, 3, 3, 64), "convolve_mma", {"TILE_N": 16, "WORDS": 4}),
    "many outputs of some pixels": ((16, 16, 16, 64), (256, 3, 3, 64), "convolve_mma", {"TILE_N": 64, "WORDS": 4}),
    "one output of a short sum": ((64, 32, 32, 3), (1, 1, 2, 3), "convolve", {"M_EACH": 4, "N_EACH": 1}),
    "few pixels": ((1, 3, 3, 16), (16, 3, 3, 16), "convolve", {"M_EACH": 4, "N_EACH": 1}),
}
"""Input, weights, kernel and its parameters."""


class _Recorder:
    """A launcher that runs nothing."""

    def __init__(self, capability):
        self.capability, self.calls = capability, []

    def address(self, x):
        return x.ctypes.data

    def __call__(self, name, parameters, grid, block, arguments):
        self.calls.append((name, dict(parameters), grid))


def _launched(capability, call):
    launcher = _Recorder(capability)
    call(CudaKernels(np, launcher))
    ((name, parameters, grid),) = launcher.calls
    return name, parameters, grid


@pytest.mark.parametrize("shape", SHAPES)
def test_convolutions(shape):
    size, weights, name, parameters = SHAPES[shape]
    x, w = np.zeros(size, dtype=np.int8), np.zeros(weights, dtype=np.int8)
    found = _launched(80, lambda k: k.conv2d(x, w, (1, 1), (1, 1), BYTES))
    assert found[:2] == (name, parameters)
    assert _launched(70, lambda k: k.conv2d(x, w, (1, 1), (1, 1), BYTES))[0] == "convolve"


@pytest.mark.parametrize(
    ("outputs", "channels", "pixels", "name", "grid"),
    [
        (16, 16, 4096, "weight_gradient_mma", (1, 2, 64)),
        (256, 64, 4096, "weight_gradient_mma", (4, 5, 51)),
        (65, 16, 100, "weight_gradient_mma", (2, 2, 2)),
        (16, 1, 4096, "weight_gradient", (1, 1, 128)),
        (3, 16, 100, "weight_gradient", (1, 5, 4)),
    ],
)
def test_weight_gradients(outputs, channels, pixels, name, grid):
    """Nine terms of one channel leave most of a tile empty, and so do three outputs."""
    x, g = np.zeros((1, 1, pixels, channels), dtype=np.int8), np.zeros((1, 1, pixels, outputs), dtype=np.int16)
    call = lambda k: k.conv2d_backward_weights(x, g, (1, 9), (1, 1), (0, 4), WIDE)  # noqa: E731
    assert _launched(75, call)[::2] == (name, grid)
    assert _launched(70, call)[0] == "weight_gradient"


@given(size=st.integers(1, 10_000), tile=st.sampled_from([16, 64, 128]))
def test_fill(size, tile):
    padded = round(size / fill(size, tile))
    assert padded % tile == 0
    assert 0 <= padded - size < tile
    assert fill(0, tile) == 0 < LEAST_FILL


@given(channels=st.integers(1, 5000))
def test_units_add_few_zeros(channels):
    unit = unit_of(channels)
    zeros = -channels % unit
    assert zeros < 4 if unit == 4 else zeros <= channels / 4
    assert unit == 16 or -channels % 16 > channels / 4


def test_the_smallest_tile_that_holds_all():
    assert [smallest((16, 32, 64), size) for size in (1, 16, 17, 64, 65, 1000)] == [16, 16, 32, 64, 64, 64]


def test_the_capability_of_a_device(monkeypatch):
    """CuPy gives it as text: "90" for 9.0."""
    current = SimpleNamespace(cuda=SimpleNamespace(Device=lambda: SimpleNamespace(compute_capability="120")))
    monkeypatch.setitem(sys.modules, "cupy", current)
    assert CupyLauncher().capability == 120
