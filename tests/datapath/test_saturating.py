"""Accumulators that saturate: the same products as matrices, and the order of addition of the array."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, reference
from accelsim.formats import Product, Role, format_by_name
from accelsim.machine import Window

INT8 = format_by_name("int8")
WINDOWS = [
    Window((3, 3), (1, 1), (1, 1)),
    Window((3, 3), (2, 2), (1, 1)),
    Window((1, 1), (2, 2)),
    Window((2, 3), (1, 2), (0, 1)),
]


def _machine(hw, overflow, bits=48, order="sequential"):
    accumulators = dict.fromkeys(Product, format_by_name(f"int{bits}"))
    recipe = replace(hw.recipe(), accumulators=accumulators, overflow=overflow, order=order)
    machine = Datapath(recipe, {}, seed=1, check=True)
    machine.begin_step(0, training=True)
    return machine


def _codes(machine, rng, name, shape):
    data = rng.integers(-127, 128, size=shape).astype(np.int8)
    return machine.external(name, shape, INT8, Role.ACTIVATION, data)


def _convolutions(machine, rng, window):
    x, w = _codes(machine, rng, "x", (2, 7, 6, 3)), _codes(machine, rng, "w", (4, *window.kernel, 3))
    y = machine.conv2d(x, w, window)
    g = _codes(machine, rng, "g", y.shape)
    return y, machine.conv2d_backward_data(g, w, window, x.shape), machine.conv2d_backward_weights(x, g, window)


def _dense(machine, rng):
    x, w, g = (_codes(machine, rng, *shape) for shape in (("x", (5, 9)), ("w", (4, 9)), ("g", (5, 4))))
    return machine.matmul(x, w), machine.matmul_backward_data(g, w), machine.matmul_backward_weights(x, g)


@pytest.mark.parametrize("window", [None, *WINDOWS], ids=str)
def test_wide_accumulators_do_not_care(int8_machine, window):
    found = []
    for overflow in ("wrap", "saturate"):
        machine, rng = _machine(int8_machine, overflow), np.random.Generator(np.random.PCG64(5))
        found.append(_dense(machine, rng) if window is None else _convolutions(machine, rng, window))
    for wrapped, saturated in zip(*found, strict=True):
        np.testing.assert_array_equal(wrapped.data, saturated.data)


@pytest.mark.parametrize("order", ["sequential", 4])
def test_narrow_accumulators_saturate_in_the_order_of_the_array(int8_machine, rng, order):
    machine = _machine(int8_machine, "saturate", bits=16, order=order)
    x, w = _codes(machine, rng, "x", (6, 40)), _codes(machine, rng, "w", (3, 40))
    found = machine.matmul(x, w).data
    run = 1 if order == "sequential" else order
    for row, column in np.ndindex(found.shape):
        terms = [int(a) * int(b) for a, b in zip(x.data[row], w.data[column], strict=True)]
        total = 0
        for start in range(0, len(terms), run):
            part = 0
            for term in terms[start : start + run]:
                part = reference.saturate(part + term, -(2**15), 2**15 - 1)
            total = reference.saturate(total + part, -(2**15), 2**15 - 1)
        assert found[row, column] == total
    assert np.abs(found.astype(int)).max() == 2**15 - 1 or found.min() == -(2**15)
