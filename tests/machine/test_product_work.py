"""Multiply-accumulates of products as machines record them."""

from __future__ import annotations

import pytest

from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_data_gradient_multiplies_each_pixel_with_each_tap_that_meets_it(int8_machine, stride, groups):
    """A tap meets a pixel where their distance is whole strides; zeros between the strides aren't multiplied."""
    window = {"kernel": 3, "stride": stride, "padding": 1}
    layers = [
        {"conv2d": {"filters": 4, "kernel": 1}},
        {"conv2d": {"filters": 6, "groups": groups, **window}},
        "flatten",
        {"linear": {"units": 3}},
    ]
    network = Network([parse_layer(layer) for layer in layers], (7, 7, 2), 3)
    program = network.trace(int8_machine.recipe(), Sgd(learning_rate=0.1), 5).program
    (operation,) = [op for op in program.operations if op.opcode == "conv2d_backward_data"]
    meetings = sum((pixel + 1 - tap) % stride == 0 for pixel in range(7) for tap in range(3))
    assert operation.macs == 5 * meetings**2 * 4 * (6 // groups)
    assert {gemm.k % (6 // groups) for gemm in operation.gemms} == {0}
    assert {(gemm.n, gemm.count) for gemm in operation.gemms} == {(4 // groups, groups)}
