"""Max pooling against the plain reference: ties, borders, and what is no number, as values and as gradients' routes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference
from accelsim.formats import format_by_name
from accelsim.machine import Window

QUIET = np.array([0x7FC00000, 0xFFC00001, 0x7FC12345], dtype="uint32").view("float32")
"""NaNs that differ in sign and payload, so that a test sees which of them came out."""
NUMBERS = np.array([-np.inf, -1.5, -0.0, 0.0, 1.5, np.inf], dtype="float32")
LOWEST = {"int8": -128, "float32": -np.inf}


@st.composite
def windows(draw):
    """Image of (1, height, width, 1) with kernel, stride, padding and the size of what comes out."""
    kernel, stride = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    shape = tuple(draw(st.integers(max(1, k - 2 * p), 5)) for k, p in zip(kernel, padding, strict=True))
    size = tuple((s + 2 * p - k) // step + 1 for s, p, k, step in zip(shape, padding, kernel, stride, strict=True))
    storage = draw(st.sampled_from(sorted(LOWEST)))
    values = np.array([-128, -127, 5]) if storage == "int8" else np.concatenate([NUMBERS, QUIET])
    picks = draw(st.lists(st.integers(0, values.size - 1), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    return values[picks].astype(storage).reshape(1, *shape, 1), (kernel, stride, padding), size


def bits(x):
    return x.view("uint32") if x.dtype == np.float32 else x


def check(kernels, x, window, size, seed):
    (height, width), (kernel, stride, padding) = x.shape[1:3], window
    best, winner = kernels.max_pool2d(x, *window, size, LOWEST[x.dtype.name])
    g = np.random.Generator(np.random.PCG64(seed)).integers(-99, 99, best.shape).astype("float32")
    routed = np.zeros(x.shape)
    for r, c in np.ndindex(*size):
        places = [
            (tap, r * stride[0] - padding[0] + tap // kernel[1], c * stride[1] - padding[1] + tap % kernel[1])
            for tap in range(kernel[0] * kernel[1])
        ]
        inside = [(tap, y, z) for tap, y, z in places if 0 <= y < height and 0 <= z < width]
        value, place = reference.largest([x[0, y, z, 0] for _, y, z in inside])
        tap, y, z = inside[place]
        assert winner[0, r, c, 0] == tap
        assert bits(best)[0, r, c, 0] == bits(np.array([value], dtype=x.dtype))[0]
        routed[0, y, z, 0] += g[0, r, c, 0]
    np.testing.assert_array_equal(kernels.max_pool2d_backward(g, winner, *window, x.shape), routed)


@settings(max_examples=150, deadline=None)
@given(drawn=windows(), seed=st.integers(0, 99))
def test_every_backend_gives_the_references_maxima(kernels, drawn, seed):
    check(kernels, *drawn, seed)


@given(st.lists(st.sampled_from([*NUMBERS.tolist(), np.nan]), min_size=1, max_size=9))
def test_the_reference_is_maximum_of_ieee_754(window):
    value, place = reference.largest(window)
    assert value == window[place] or value != value
    if any(np.isnan(window)):
        assert place == [bool(x) for x in np.isnan(window)].index(True)
    else:
        assert (value, place) == (max(window), window.index(max(window)))


def test_a_float_machine_passes_nan_on_wherever_it_stands(fp32_machine, kernels, on_machine, operand):
    machine = on_machine(fp32_machine, kernels)
    for place in np.ndindex(2, 2):
        values = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
        values[0, place[0], place[1], 0] = np.nan
        x = operand(machine, f"x{place}", format_by_name("fp32"), values)
        y, tap = machine.max_pool2d(x, Window((2, 2), (2, 2)))
        np.testing.assert_array_equal(np.ravel(y.data), [np.nan, 7, 13, 15])
        g = operand(machine, f"g{place}", format_by_name("fp32"), np.full((1, 2, 2, 1), 3.0))
        routed = machine.max_pool2d_backward(g, tap, Window((2, 2), (2, 2)), x.shape).data
        assert routed[0, place[0], place[1], 0] == 3.0
        assert routed.sum() == 12.0
