"""Floating-point accumulators that round in the order of the array, through the Datapath."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference
from accelsim.formats import Product, Role, format_by_name, quantise_blocks, round_to_float
from accelsim.formats.reference import round_float
from accelsim.machine import Parameter, Window

WINDOWS = [None, Window((2, 2), (1, 1), (1, 1)), Window((3, 2), (2, 1), (1, 0)), Window((1, 1), (2, 2))]
FORMATS = ["fp32", "bf16", "fp16", "fp16_e6m9"]


def _changes(name, chunk, order="sequential"):
    return {"accumulators": dict.fromkeys(Product, format_by_name(name)), "chunk": chunk, "order": order}


def _values(rng, name, shape):
    """Values on the grid of a format, and their scale."""
    format_, real = format_by_name(name), rng.normal(size=shape) * np.exp(rng.normal(size=shape))
    if format_.family == "block":
        return quantise_blocks(np, real, format_, axis=-1).values, 1.0
    if format_.is_integer:
        return np.rint(real * 40).clip(-127, 127), 0.03
    scale = 0.37 if format_.bits < 16 else 1.0
    return round_to_float(np, real / scale, format_), scale


def _products(machine, operand, rng, window, names, bias=False):
    def drawn(name, format_name, shape):
        return operand(machine, name, format_by_name(format_name), *_values(rng, format_name, shape))

    first, second = names
    x = drawn("x", first, (2, 7) if window is None else (2, 4, 3, 3))
    w = drawn("w", second, (2, 7) if window is None else (2, *window.kernel, 3))
    b = operand(machine, "b", format_by_name("fp32"), rng.normal(size=2)) if bias else None
    y = machine.matmul(x, w, b) if window is None else machine.conv2d(x, w, window, b)
    g = drawn("g", second, y.shape)
    if window is None:
        dx, dw = machine.matmul_backward_data(g, w), machine.matmul_backward_weights(x, g)
    else:
        dx, dw = machine.conv2d_backward_data(g, w, window, x.shape), machine.conv2d_backward_weights(x, g, window)
    return b, [("forward", x, w, y), ("backward_data", g, w, dx), ("backward_weights", x, g, dw)]


def _rounding(name):
    return lambda exact: float(round_float(exact, format_by_name(name), "nearest_even", saturate=False))


@settings(deadline=None, max_examples=15)
@given(
    window=st.sampled_from(WINDOWS),
    names=st.sampled_from(
        [("fp8_e4m3", "fp8_e5m2"), ("mxfp8_e4m3", "mxfp8_e4m3"), ("bf16", "bf16"), ("int8", "fp32"), ("fp32", "fp32")]
    ),
    name=st.sampled_from(FORMATS),
    chunk=st.sampled_from([None, 1, 3, 64]),
    order=st.sampled_from(["sequential", 4]),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_products_are_their_terms_rounded_in_order(
    fp32_machine, kernels, on_machine, operand, terms, window, names, name, chunk, order, bias, seed
):
    """Without a chunk, narrow accumulators follow the dataflow; fp32 ones need a chunk, or the backend decides."""
    if name == "fp32" and chunk is None:
        chunk = 2
    machine = on_machine(fp32_machine, kernels, **_changes(name, chunk, order))
    rng, rounding = np.random.Generator(np.random.PCG64(seed)), _rounding(name)
    added, products = _products(machine, operand, rng, window, names, bias)
    for product, first, second, result in products:
        scale = first.scale * second.scale
        run = chunk or (1000 if order == "sequential" else order)
        for place, pairs in terms(product, first.data, second.data, result.shape, window):
            total = reference.accumulate_float([float(np.float32(a) * np.float32(b)) for a, b in pairs], run, rounding)
            offset = float(added.data[place[-1]]) if added and product == "forward" else 0.0
            if name == "fp32":
                assert result.data[place] == np.float32(total) * np.float32(scale) + np.float32(offset)
            else:
                assert result.data[place] == rounding(Fraction(total) + Fraction(offset / scale))
        assert result.scale == (1.0 if name == "fp32" else scale)


def test_the_order_of_the_dataflow(fp32_machine, kernels, on_machine, operand):
    """4096 ones: one sum in fp16 ends at 2048, runs of 32 rows do not; a stated chunk takes the place of the runs."""
    ones, found = np.ones((1, 4096)), []
    for name, chunk, order in [
        ("fp16", None, "sequential"),
        ("fp16", None, 32),
        ("fp16", 4096, 32),
        ("fp32", None, 32),
    ]:
        machine = on_machine(fp32_machine, kernels, **_changes(name, chunk, order))
        x, w = (operand(machine, tensor, format_by_name("fp32"), ones) for tensor in ("x", "w"))
        found.append(machine.matmul(x, w).data.item())
    assert found == [2048, 4096, 2048, 4096]


def test_the_update_reads_the_scale_of_narrow_accumulators(fp32_machine, kernels, on_machine, operand):
    """A weight gradient whose role has the accumulator's format reaches the update unconverted."""
    hw_recipe = fp32_machine.recipe()
    rules = dict(hw_recipe.rules)
    rules[Role.WEIGHT_GRADIENT] = replace(rules[Role.WEIGHT_GRADIENT], format=format_by_name("bf16"))
    machine = on_machine(fp32_machine, kernels, rules=rules, **_changes("bf16", 4))
    machine.context.state["w"] = np.zeros((1, 1), dtype=np.float32)
    machine.context.learning_rate = 1.0
    x, g = (operand(machine, name, format_by_name("fp8_e4m3"), np.ones((2, 1)), 0.25) for name in ("x", "g"))
    gradient = machine.quantise(machine.matmul_backward_weights(x, g), Role.WEIGHT_GRADIENT)
    machine.sgd(Parameter("w", (1, 1), Role.WEIGHT), gradient, momentum=0.0, weight_decay=0.0)
    assert machine.context.state["w"].item() == -2 / 16


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_readers_of_narrow_accumulators(fp32_machine, kernels, on_machine, operand, rng, name):
    """Units that add see real values, those that move codes keep the scale."""
    machine = on_machine(fp32_machine, kernels, **_changes(name, None))
    x, w = (operand(machine, n, format_by_name("fp8_e4m3"), *_values(rng, "fp8_e4m3", (4, 6))) for n in ("x", "w"))
    y = machine.matmul(x, w)
    real = y.data * np.float64(y.scale)
    assert (y.format.name, y.scale) == (name, x.scale * w.scale)
    np.testing.assert_allclose(machine.add(y, y).data, 2 * real, rtol=1e-6)
    np.testing.assert_allclose(machine.reduce_sum(y).data, real.sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(machine.reduce_mean(y).data, real.mean(axis=0), rtol=1e-5, atol=1e-7)
    relu = machine.relu(y)
    np.testing.assert_allclose(relu.data * np.float64(relu.scale), real.clip(0), rtol=1e-12)
    np.testing.assert_allclose(machine.quantise(y, Role.LOSS).data, real, rtol=1e-6)
