"""Products of activations and the softmax in fixed point: against plain integers, and against real numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference_attention as reference
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.attention import POWER_BITS, PROBABILITY_BITS, power_table
from accelsim.datapath.units.words import excess_bits
from accelsim.formats import FixedPointMultiplier, Product, format_by_name

ENDS = [-(2**31), 2**31 - 1]
INT32 = st.one_of(st.integers(*ENDS), st.integers(-(2**12), 2**12), st.sampled_from(ENDS))


def _pair(multiplier):
    return int(multiplier.mantissa), int(multiplier.exponent)


def test_the_powers_of_the_table_are_within_half_a_unit():
    exact = [2.0 ** (POWER_BITS - i / 256) for i in range(257)]
    assert np.abs(np.array(power_table()) - exact).max() <= 0.5 + 1e-6


@settings(deadline=None, max_examples=200)
@given(rows=st.lists(st.lists(INT32, min_size=5, max_size=5), min_size=1, max_size=4), real=st.floats(2**-20, 2**24))
def test_softmax(kernels, rows, real):
    multiplier = FixedPointMultiplier.from_real(real)
    found = kernels.softmax_words(np.array(rows, dtype=np.int32), multiplier, None)
    assert found.dtype == np.int32
    assert found.tolist() == [reference.softmax(row, *_pair(multiplier)) for row in rows]


@settings(deadline=None, max_examples=200)
@given(row=st.lists(INT32, min_size=4, max_size=4), real=st.floats(2**-20, 2**24))
def test_a_causal_row_is_the_softmax_of_what_it_sees(kernels, row, real):
    multiplier, visible = FixedPointMultiplier.from_real(real), np.tri(4, dtype=bool)
    found = kernels.softmax_words(np.array([row] * 4, dtype=np.int32), multiplier, visible)
    for i in range(4):
        assert found[i].tolist() == reference.softmax(row[: i + 1], *_pair(multiplier)) + [0] * (3 - i)


@settings(deadline=None, max_examples=200)
@given(
    g=st.lists(INT32, min_size=6, max_size=6),
    y=st.lists(st.integers(0, 2**15 - 1), min_size=6, max_size=6),
    shift=st.integers(16, 24),
)
def test_softmax_backward(kernels, g, y, shift):
    found = kernels.softmax_words_backward(np.array([g], dtype=np.int32), np.array([y], dtype=np.int16), shift)
    assert found[0].tolist() == reference.softmax_backward(g, y, shift)


@pytest.mark.parametrize(("a", "b", "k"), [("int8", "int8", 1500), ("int8", "int16", 70), ("int16", "int16", 9)])
def test_batched_products_are_exact(kernels, rng, a, b, k):
    low, high = (np.iinfo(format_).min for format_ in (a, b))
    left = rng.choice([low, -low - 1, 1], size=(2, 3, 4, k)).astype(a)
    right = rng.choice([high, -high - 1, 3], size=(2, 3, k, 5)).astype(b)
    found = kernels.batched_matmul(left, right, Carrier.of(format_by_name(a), format_by_name(b)))
    np.testing.assert_array_equal(found, left.astype(np.int64) @ right.astype(np.int64))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("accumulator", ["int32", "int48"])
def test_softmax_is_near_real_numbers(int8_machine, on_machine, operand, rng, causal, accumulator):
    scale = 2.0**-14 if accumulator == "int32" else 2.0**-36
    scores = 3 * rng.normal(size=(2, 3, 40, 40))
    machine = on_machine(int8_machine)
    x = operand(machine, "scores", format_by_name(accumulator), np.rint(scores / scale).astype(np.int64), scale)
    y = machine.softmax(x, factor=0.5, causal=causal)
    shown = np.where(np.tri(40, dtype=bool) | (not causal), 0.5 * scores, -np.inf)
    expected = np.exp(shown - shown.max(axis=-1, keepdims=True))
    expected /= expected.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(y.data * y.scale, expected, rtol=5e-4, atol=2.0**-PROBABILITY_BITS)
    np.testing.assert_allclose((y.data * y.scale).sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("accumulator", ["int32", "int48"])
def test_softmax_backward_is_near_real_numbers(int8_machine, on_machine, operand, rng, accumulator):
    """With the gradient's magnitude beyond 32 bits, and codes of probabilities that don't add up to 1."""
    machine, top = on_machine(int8_machine), 2.0**45 if accumulator == "int48" else 2.0**20
    codes = rng.integers(0, 128, size=(2, 7, 9))
    codes[0, 3] = 0
    values = top * rng.normal(size=(2, 7, 9)) / 8
    g = operand(machine, "gradient", format_by_name(accumulator), np.rint(values), 1 / top)
    y = operand(machine, "probabilities", format_by_name("int8"), codes, 1 / 127)
    dx = machine.softmax_backward(g, y, factor=0.25)
    mean = (values * codes).sum(axis=-1, keepdims=True) / np.maximum(codes.sum(axis=-1, keepdims=True), 1)
    expected = 0.25 * codes / 127 * (values - mean) / top
    np.testing.assert_allclose(dx.data * dx.scale, expected, atol=1e-6)
    assert not dx.data[0, 3].any()


def test_a_word_has_no_excess_bits():
    assert [excess_bits(peak) for peak in (0, 2**31 - 1, 2**31, 2**40)] == [0, 0, 1, 10]


@pytest.mark.parametrize("order", ["sequential", 4])
def test_saturating_products_follow_the_array(int8_machine, on_machine, operand, rng, order):
    """Each product of the batch as it would be alone."""
    formats = dict.fromkeys(Product, format_by_name("int16"))
    machine = on_machine(int8_machine, accumulators=formats, overflow="saturate", order=order)
    a, b = (rng.integers(-127, 128, size=shape) for shape in ((2, 2, 3, 11), (2, 2, 11, 4)))
    int8 = format_by_name("int8")
    found = machine.batched_matmul(operand(machine, "a", int8, a), operand(machine, "b", int8, b))
    for place in np.ndindex(2, 2):
        left, right = operand(machine, "l", int8, a[place]), operand(machine, "r", int8, b[place].T)
        np.testing.assert_array_equal(found.data[place], machine.matmul(left, right).data)
    assert np.abs(found.data).max() == 2**15 - 1 or found.data.min() == -(2**15)


def test_operands_that_do_not_fit_are_refused(int8_machine, on_machine, operand):
    machine, int8 = on_machine(int8_machine), format_by_name("int8")
    a, b = operand(machine, "a", int8, np.zeros((2, 3, 4))), operand(machine, "b", int8, np.zeros((2, 5, 4)))
    with pytest.raises(ValueError, match=r"cannot multiply a of shape \(2, 3, 4\) by b of shape \(2, 5, 4\)"):
        machine.batched_matmul(a, b)


def test_floats_follow_the_loss(fp32_machine, on_machine, operand, rng):
    x = rng.normal(size=(3, 5)).astype(np.float32)
    machine = on_machine(fp32_machine)
    y = machine.softmax(operand(machine, "x", format_by_name("fp32"), x), factor=1.0, causal=False)
    np.testing.assert_array_equal(y.data, machine.context.kernels.softmax(x).astype(np.float32))
    assert y.format == format_by_name("fp32")


def test_views_are_the_same_tensor(int8_machine, on_machine, operand, rng):
    machine = on_machine(int8_machine)
    data = rng.integers(-5, 5, size=(2, 3, 4))
    x = operand(machine, "x", format_by_name("int8"), data)
    turned = x.transposed((1, 2, 0))
    assert (turned.shape, turned.spec) == ((3, 4, 2), x.spec)
    np.testing.assert_array_equal(turned.data, data.transpose(1, 2, 0))
    with pytest.raises(ValueError, match="cannot order the axes of x"):
        x.transposed((0, 1, 1))
    channels = replace(x, value=x.value._replace(scale=np.ones(4)))
    with pytest.raises(ValueError, match="a scale for each channel"):
        channels.transposed((0, 2, 1))
