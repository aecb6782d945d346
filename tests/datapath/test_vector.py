"""Addition and pooling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.datapath.backends import choose_kernels
from accelsim.formats import Role, format_by_name
from accelsim.machine import Value


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 2), (1, 1)), ((2, 3), (1, 2), (0, 1))]
)
def test_pools_against_a_loop(kernels, rng, kernel, stride, padding):
    x = rng.integers(-4, 5, size=(2, 6, 7, 3)).astype(np.int8)
    rows = (6 + 2 * padding[0] - kernel[0]) // stride[0] + 1
    columns = (7 + 2 * padding[1] - kernel[1]) // stride[1] + 1
    best, winner = kernels.max_pool2d(x, kernel, stride, padding, (rows, columns), -128)
    total = kernels.average_pool2d(x, kernel, stride, padding, (rows, columns))
    g = rng.integers(-1000, 1000, size=best.shape).astype(np.int32)
    dx = kernels.max_pool2d_backward(g, winner, kernel, stride, padding, x.shape)
    da = kernels.average_pool2d_backward(g, kernel, stride, padding, x.shape)
    dx_expected, da_expected = np.zeros(x.shape, dtype=np.int64), np.zeros(x.shape, dtype=np.int64)
    for n, r, c, k in np.ndindex(best.shape):
        window = [
            (y, z)
            for y in range(r * stride[0] - padding[0], r * stride[0] - padding[0] + kernel[0])
            for z in range(c * stride[1] - padding[1], c * stride[1] - padding[1] + kernel[1])
        ]
        inside = [(y, z) for y, z in window if 0 <= y < 6 and 0 <= z < 7]
        values = [int(x[n, y, z, k]) for y, z in inside]
        assert best[n, r, c, k] == max(values)
        assert total[n, r, c, k] == sum(values)
        first = inside[values.index(max(values))]
        assert window[winner[n, r, c, k]] == first
        dx_expected[n, *first, k] += g[n, r, c, k]
        for y, z in inside:
            da_expected[n, y, z, k] += g[n, r, c, k]
    np.testing.assert_array_equal(dx, dx_expected)
    np.testing.assert_array_equal(da, da_expected)


@pytest.mark.parametrize("backend", ["numpy", "compiled"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("ones", [1, 5])
def test_zeros_of_any_scale_add_nothing(int8_machine, backend, scale, ones):
    machine = Datapath(int8_machine.recipe(), {}, seed=1, kernels=choose_kernels(backend), check=True)
    machine.begin_step(0, training=True)
    int8 = format_by_name("int8")
    zeros = machine.external("zeros", (2, 3), int8, Role.ACTIVATION, np.zeros((2, 3), np.int8))
    codes = machine.external("codes", (2, 3), int8, Role.ACTIVATION, np.full((2, 3), ones, np.int8))
    zeros, codes = replace(zeros, value=Value(zeros.data, scale)), replace(codes, value=Value(codes.data, 1e-6))
    for total in (machine.add(zeros, codes), machine.add(codes, zeros)):
        np.testing.assert_allclose(total.data * total.scale, ones * 1e-6, rtol=1e-6)
