"""Accumulators that saturate, through the Datapath: every product against its terms, in the order of the array."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference
from accelsim.formats import Product, format_by_name
from accelsim.machine import Window

WINDOWS = [
    None,
    Window((3, 3), (1, 1), (1, 1)),
    Window((3, 3), (2, 2), (1, 1)),
    Window((1, 1), (2, 2)),
    Window((2, 3), (1, 2), (0, 1)),
]
PAIRS = [("int8", "int8"), ("int8", "int16"), ("int16", "int16"), ("int12", "int5")]


def _codes(rng, format_, shape):
    """All codes, and often the extreme ones."""
    codes = rng.integers(format_.min_code, format_.max_code, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.3, rng.choice([format_.min_code, format_.max_code], size=shape), codes)


def _products(machine, operand, rng, window, formats, bias=False):
    """(name, first operand, second operand, result) of the three products; the first operand has ``formats[0]``."""
    first, second = map(format_by_name, formats)
    x = operand(machine, "x", first, _codes(rng, first, (2, 5) if window is None else (2, 5, 4, 2)))
    shape = (3, 5) if window is None else (3, *window.kernel, 2)
    w = operand(machine, "w", second, _codes(rng, second, shape))
    b = operand(machine, "b", format_by_name("int32"), rng.integers(-(2**17), 2**17, 3)) if bias else None
    y = machine.matmul(x, w, b) if window is None else machine.conv2d(x, w, window, b)
    g = operand(machine, "g", first, _codes(rng, first, y.shape))
    g_wide = operand(machine, "g_wide", second, _codes(rng, second, y.shape))
    if window is None:
        dx, dw = machine.matmul_backward_data(g, w), machine.matmul_backward_weights(x, g_wide)
    else:
        dx = machine.conv2d_backward_data(g, w, window, x.shape)
        dw = machine.conv2d_backward_weights(x, g_wide, window)
    return b, [("forward", x, w, y), ("backward_data", g, w, dx), ("backward_weights", x, g_wide, dw)]


def _expected(pairs, slices, width, bits, overflow, order, start):
    """A dot product in plain integers."""

    def add(products, total):
        ones = [1] * len(products)
        if overflow == "wrap":
            return reference.accumulate_wrapping(products, ones, bits, total)
        if order == "sequential":
            return reference.accumulate_in_order(products, ones, bits, total)
        return reference.accumulate_saturating(products, ones, bits, order, total)

    left, right = zip(*pairs, strict=True)
    return reference.accumulate_in_passes(left, right, slices, width, add, start)


def _changes(bits, overflow, order="sequential", width=8):
    accumulators = dict.fromkeys(Product, format_by_name(f"int{bits}"))
    return {"accumulators": accumulators, "overflow": overflow, "order": order, "slice_bits": width}


@settings(deadline=None, max_examples=40)
@given(
    window=st.sampled_from(WINDOWS),
    formats=st.sampled_from(PAIRS),
    bits=st.sampled_from([12, 16, 20, 26, 40]),
    order=st.sampled_from(["sequential", 1, 4]),
    width=st.sampled_from([4, 8, 16]),
    overflow=st.sampled_from(["wrap", "saturate"]),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_products_are_their_terms_in_the_order_of_the_array(
    int8_machine, kernels, on_machine, operand, terms, window, formats, bits, order, width, overflow, bias, seed
):
    """Passes of slices as in the Program; wrapping accumulators take the wide product at once and get the same bits."""
    machine = on_machine(int8_machine, kernels, **_changes(bits, overflow, order, width))
    rng = np.random.Generator(np.random.PCG64(seed))
    added, products = _products(machine, operand, rng, window, formats, bias)
    for name, first, second, result in products:
        slices = [-(-tensor.format.bits // width) for tensor in (first, second)]
        slices = slices[::-1] if name == "backward_weights" else slices
        for place, pairs in terms(name, first.data, second.data, result.shape, window):
            start = int(added.data[place[-1]]) if added and name == "forward" else 0
            if pairs:
                assert result.data[place] == _expected(pairs, slices, width, bits, overflow, order, start)
            else:
                assert result.data[place] == 0


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("formats", PAIRS, ids="-".join)
def test_wide_accumulators_do_not_care(int8_machine, kernels, on_machine, operand, window, formats):
    """One wide product, passes of slices, wrapping, saturating: the same bits where nothing overflows."""
    found = []
    for width, overflow in [(16, "wrap"), (16, "saturate"), (8, "saturate"), (4, "saturate")]:
        machine = on_machine(int8_machine, kernels, **_changes(56, overflow, width=width))
        found.append(_products(machine, operand, np.random.Generator(np.random.PCG64(5)), window, formats)[1])
    for product in zip(*found, strict=True):
        for other in product[1:]:
            np.testing.assert_array_equal(product[0][3].data, other[3].data)


def test_zero_points_do_not_add_passes(int8_machine, kernels, on_machine, operand):
    """Codes 0 less 200 have nine bits, which a multiplier of eight takes: it has a sign bit beside. In two slices
    (56 and -256) other sums would saturate."""
    machine = on_machine(int8_machine, kernels, **_changes(16, "saturate"))
    x = operand(machine, "x", format_by_name("uint8"), np.zeros((1, 4)))
    x = replace(x, value=x.value._replace(zero_point=200))
    w = operand(machine, "w", format_by_name("int8"), np.array([[100, 100, -100, -100]]))
    assert machine.matmul(x, w).data.item() == -(2**15) + 2 * 20000
    assert machine.program.operations[0].attributes["slices"] == (1, 1)
