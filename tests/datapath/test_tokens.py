"""Instructions on sequences: rows of tables and their gradients, shared offsets, slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.errors import UserError
from accelsim.formats import format_by_name

TOKENS = np.array([[2, 0, 2, 2], [3, 2, 0, 2]])


@pytest.fixture
def int8(int8_machine, on_machine, operand, kernels):
    """An int8 machine, and a function that makes operands for it."""
    machine = on_machine(int8_machine, kernels)
    return machine, lambda name, format_, data, scale=1.0: operand(machine, name, format_by_name(format_), data, scale)


def test_gathered_rows(int8, rng):
    machine, make = int8
    table = rng.normal(size=(5, 3)).astype(np.float32)
    rows = machine.gather(make("table", "fp32", table), make("tokens", "uint16", TOKENS))
    np.testing.assert_array_equal(rows.data, table[TOKENS])


def test_a_token_that_is_no_row(int8):
    machine, make = int8
    with pytest.raises(UserError, match="found token 3, but its vocabulary has 3"):
        machine.gather(make("table", "fp32", np.zeros((3, 2))), make("tokens", "uint16", TOKENS))


def test_scattered_gradients_are_the_product_with_one_hot_rows(int8, rng):
    """Accumulators included: 48 bits, and 16 that wrap."""
    machine, make = int8
    g = rng.integers(-32767, 32768, size=(2, 4, 3))
    one_hot = (TOKENS.reshape(-1, 1) == np.arange(6)).astype(np.int64)
    expected = one_hot.T @ g.reshape(-1, 3)
    tokens, gradient = make("tokens", "uint16", TOKENS), make("g", "int16", g, 0.5)
    found = machine.scatter_add(gradient, tokens, 6)
    assert (found.shape, found.format.name, found.scale) == ((6, 3), "int48", 0.5)
    np.testing.assert_array_equal(found.data, expected)
    narrow = {product: format_by_name("int16") for product in machine.recipe.accumulators}
    machine.recipe = replace(machine.recipe, accumulators=narrow)
    np.testing.assert_array_equal(machine.scatter_add(gradient, tokens, 6).data, expected.astype(np.int16))
    machine.recipe = machine.context.recipe = replace(machine.recipe, overflow="saturate")
    saturated = machine.scatter_add(gradient, tokens, 6).data
    np.testing.assert_array_equal(saturated, np.clip(expected, -(2**15), 2**15 - 1))


def test_float_gradients_are_rounded_once(int8):
    machine, make = int8
    g = np.array([[[1.0], [2.0**-24], [2.0**-24], [2.0**-24]]])
    found = machine.scatter_add(make("g", "fp32", g), make("tokens", "uint16", np.zeros((1, 4))), 2)
    assert found.data.tolist() == [[np.float32(1 + 3 * 2.0**-24)], [0.0]]


@pytest.mark.parametrize("format_", ["int8", "fp32"])
def test_offsets_that_samples_share(int8, rng, format_):
    machine, make = int8
    x, offset = rng.integers(-127, 128, size=(3, 4, 5)), rng.integers(-127, 128, size=(4, 5))
    wide = "int16" if format_ == "int8" else format_
    y = machine.add_parameter(make("x", format_, x, 0.1), make("offset", wide, offset, 0.3))
    np.testing.assert_allclose(y.data * y.scale, 0.1 * x + 0.3 * offset, atol=1e-5)
    with pytest.raises(ValueError, match=r"cannot add offset.* of shape \(3, 5\) to samples of shape \(4, 5\)"):
        machine.add_parameter(make("x", format_, x), make("offset", wide, offset[:3]))


@pytest.mark.parametrize("format_", ["int8", "fp32"])
def test_a_token_in_front(int8, rng, format_):
    machine, make = int8
    x, token = rng.integers(-127, 128, size=(3, 4, 5)), rng.integers(-127, 128, size=5)
    y = machine.prepend(make("x", format_, x, 0.1), make("token", format_, token, 2.0))
    real = y.data * y.scale
    np.testing.assert_allclose(real[:, 1:], 0.1 * x, atol=1e-5)
    np.testing.assert_allclose(real[:, 0], np.broadcast_to(2.0 * token, (3, 5)), rtol=1e-6, atol=1e-6)


def test_slices_and_their_gradients(int8, rng):
    machine, make = int8
    x = make("x", "int8", rng.integers(-127, 128, size=(3, 4, 5)), 0.1)
    y = machine.slice_tokens(x, 1, 3)
    np.testing.assert_array_equal(y.data, x.data[:, 1:3])
    back = machine.slice_tokens_backward(y, 1, 4)
    assert (y.scale, back.scale, back.shape) == (0.1, 0.1, x.shape)
    np.testing.assert_array_equal(back.data[:, 1:3], y.data)
    assert not back.data[:, [0, 3]].any()
    with pytest.raises(ValueError, match="needs tokens 3 to 4, but its input has 4"):
        machine.slice_tokens(x, 3, 5)
