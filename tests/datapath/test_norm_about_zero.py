"""Norms about zero: bit by bit against the plain-integer reference on every backend, and what they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath, reference
from accelsim.datapath.context import NORM_FRACTION_BITS as BITS
from accelsim.formats import FP32, FixedPointMultiplier, FloatFormat, float_recipe, format_by_name
from accelsim.layers.spread import L1_FACTOR, measure, range_constant

INT8, INT16 = format_by_name("int8"), format_by_name("int16")
FP64 = FloatFormat("fp64", 64, exponent_bits=11, mantissa_bits=52)
X_SCALE, G_SCALE, GAIN_SCALE = 0.03, 1e-4, 0.01
KINDS = ["deviation", "range", "l1"]


def _pair(real):
    multiplier = FixedPointMultiplier.from_real(np.array([real]))
    return int(multiplier.mantissa[0]), int(multiplier.exponent[0])


def _spread(kind, line, constant):
    """Code and unit of one group's spread."""
    if kind == "deviation":
        return reference.root_square(line), X_SCALE / len(line)
    if kind == "range":
        return reference.range_about_zero(line)[0], X_SCALE * constant
    return sum(map(abs, line)) << BITS, X_SCALE * 2.0**-BITS * L1_FACTOR / len(line)


def _taken(kind, line, g, damping):
    """What the spread's gradient takes off each element; ``damping`` is epsilon's, at most 1."""
    products, (code, _) = sum(a * b for a, b in zip(g, line, strict=True)) << BITS, _spread(kind, line, 1.0)
    if kind == "deviation":
        along = products * 2.0**-BITS * len(line) / (float(code) * float(code)) if code else 0.0
        return [reference.rescale(q << BITS, *_pair(along * damping)) for q in line]
    if kind == "range":
        _, place, sign = reference.range_about_zero(line)
        share = reference.spread_share(2 * products, code, damping)
        return [share * sign * (i == place) for i in range(len(line))]
    share = reference.spread_share(products << BITS, code, damping)
    return [share * reference.sign(q) for q in line]


def _machine(on_machine, hw, kernels, **norm):
    return on_machine(hw, kernels, norm=replace(hw.recipe().norm, **norm))


def _through(m, kind, group, x, g, gamma):
    """Output, gradient of gamma and of the input, as layers make them of a gradient that has gamma in it."""
    spread, backward = measure(m, x, None, kind, group, 1)
    y = m.normalise_rows(x, None, spread, gamma, None, group)
    (total,) = m.reduce_row_products(g, x, None, spread, group)
    return y, total, backward(g, None, m.reduce_products(g, x, None, spread, group))


@st.composite
def _groups(draw):
    """A format, and codes, gradients and gains of up to four rows."""
    format_, size, rows = draw(st.sampled_from([INT8, INT16])), draw(st.integers(2, 9)), draw(st.integers(1, 4))
    code = st.integers(-2, 2) | st.integers(format_.min_code, format_.max_code)
    wide = st.integers(-32768, 32767)
    drawn = [
        draw(st.lists(each, min_size=count, max_size=count))
        for each, count in ((code, rows * size), (wide, rows * size), (wide, size))
    ]
    codes, gradient, gains = map(np.array, drawn)
    return format_, codes.reshape(rows, size), gradient.reshape(rows, size), gains


@pytest.mark.parametrize("kind", KINDS)
@given(drawn=_groups())
def test_words_and_gradients_are_the_references(on_machine, operand, int8_machine, kernels, kind, drawn):
    format_, codes, gradient, gains = drawn
    size = codes.shape[1]
    m = _machine(on_machine, int8_machine, kernels)
    x, g = operand(m, "x", format_, codes, X_SCALE), operand(m, "g", INT16, gradient, G_SCALE)
    gamma = operand(m, "gamma", INT16, gains, GAIN_SCALE)
    spread = measure(m, x, None, kind, "row", 1).spread
    y, total, dx = _through(m, kind, "row", x, g, gamma)

    constant, lines = range_constant(size, 1, "paper")[1], codes.tolist()
    found = [_spread(kind, line, constant) for line in lines]
    assert spread.data.tolist() == [code for code, _ in found]
    values = [float(code) * unit for code, unit in found]
    inverse = [X_SCALE * 2.0 ** (16 - BITS) * (1 / value) if value else 0.0 for value in values]
    inverse = [min(each, 2.0**30 - 1) for each in inverse]
    words = [
        [reference.rescale(q << BITS, *_pair(each)) for q in line] for line, each in zip(lines, inverse, strict=True)
    ]
    by_gain = [_pair(gain * GAIN_SCALE) for gain in gains.tolist()]
    expected = [[reference.rescale(w, *pair) for w, pair in zip(row, by_gain, strict=True)] for row in words]
    assert y.data.tolist() == expected
    assert total.data.tolist() == [
        sum(g * w for g, w in zip(*pair, strict=True))
        for pair in zip(gradient.T.tolist(), zip(*words, strict=True), strict=True)
    ]
    factors = [1 / value if value else 0.0 for value in values]
    largest = max(factors) or 1.0
    assert dx.scale == pytest.approx(G_SCALE * 2.0**-BITS * largest, rel=1e-15)
    for row, line, each, factor in zip(dx.data.tolist(), lines, gradient.tolist(), factors, strict=True):
        taken = _taken(kind, line, each, float(bool(factor)))
        assert row == reference.norm_about_zero_backward(each, taken, *_pair(factor / largest), BITS)


@given(codes=st.lists(st.integers(-3, 3) | st.integers(-128, 127), min_size=1, max_size=40))
def test_statistics(kernels, codes):
    """Ties of the maximum and the minimum go to the maximum, and of each to the first row."""
    x = np.array(codes, dtype=np.int8)[:, None]
    assert kernels.root_square(x).tolist() == [reference.root_square(codes)]
    total, places = kernels.range_about_zero(x, 1)
    assert (int(total[0]), *places[:, 0, 0].tolist()) == reference.range_about_zero(codes)


def test_chunks_of_a_range_about_zero(kernels, rng):
    x = rng.integers(-128, 128, size=(12, 3)).astype(np.int8)
    total, places = kernels.range_about_zero(x, 4)
    parts = [[reference.range_about_zero(x[at : at + 3, c].tolist()) for at in range(0, 12, 3)] for c in range(3)]
    assert total.tolist() == [sum(part[0] for part in of) for of in parts]
    assert places[0].T.tolist() == [[3 * i + part[1] for i, part in enumerate(of)] for of in parts]
    assert places[1].T.tolist() == [[part[2] for part in of] for of in parts]


def test_statistics_of_wide_codes_in_large_groups(kernels):
    """rows x sum of squares beyond 64 bits, and beyond the 53 of a double; magnitudes whose range leaves 16 bits."""
    x = np.full((1 << 17, 2), -32768, dtype=np.int16)
    x[1:, 1] = 3
    lines = x.T.tolist()
    assert kernels.root_square(x).tolist() == [reference.root_square(line) for line in lines]
    total, places = kernels.range_about_zero(x, 1)
    assert total.tolist() == [65536, 65536]
    assert places[:, 0].tolist() == [[0, 0], [-1, -1]]
    centre = np.zeros(2, dtype=np.int32)
    assert kernels.absolute_deviation(x, centre, BITS)[0].tolist() == [sum(map(abs, line)) << BITS for line in lines]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["none", "inside", "outside"])
@pytest.mark.parametrize("group", ["row", "sample"])
def test_integers_are_doubles(on_machine, operand, int8_machine, kernels, rng, kind, place, group):
    """With a large epsilon, too; a group of zeros puts out zeros and passes no gradient, whatever the epsilon."""
    m = _machine(on_machine, int8_machine, kernels, epsilon=0.5, epsilon_place=place)
    exact = Datapath(replace(float_recipe(FP64), norm=m.recipe.norm), {}, seed=1)
    codes, gradient = rng.integers(-128, 128, size=(5, 3, 16)), rng.integers(-32767, 32768, size=(5, 3, 16))
    codes[4] = 0
    named = {"x": (codes, X_SCALE, INT8), "g": (gradient, G_SCALE, INT16), "gamma": (np.arange(60, 76), 0.01, INT16)}
    found = [operand(m, name, format_, data, scale) for name, (data, scale, format_) in named.items()]
    real = [operand(exact, name, FP64, data * scale) for name, (data, scale, _) in named.items()]
    y, total, dx = (part.data * part.scale for part in _through(m, kind, group, *found))
    assert not y[4].any()
    assert not dx[4].any()
    expected = [part.data for part in _through(exact, kind, group, *real)]
    for one, other in zip((y[:4], total, dx[:4]), (expected[0][:4], expected[1], expected[2][:4]), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3 * np.abs(other).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["none", "inside", "outside"])
def test_a_norm_about_zero_is_that_of_the_group_and_its_mirror_image(operand, rng, kind, place):
    """x beside -x has the mean zero and the same spread, and its gradients are of x twice."""
    recipe = float_recipe(FP64)
    m = Datapath(replace(recipe, norm=replace(recipe.norm, epsilon=0.1, epsilon_place=place)), {}, seed=1)
    values, gradient = rng.normal(size=(2, 6, 9)) + 0.4
    x, g = operand(m, "x", FP64, values), operand(m, "g", FP64, gradient)
    both, half = np.concatenate([values, -values], axis=1), np.concatenate([gradient, -gradient], axis=1) / 2
    twice, g_twice = operand(m, "twice", FP64, both), operand(m, "g_twice", FP64, half)
    mean = m.reduce_mean(twice, "row")
    np.testing.assert_allclose(mean.data, 0, atol=1e-15)
    if kind == "range":
        spread, places = m.reduce_range(x, 1, 0.3, "row", about_zero=True)
        whole, extremes = m.reduce_range(twice, 1, 0.3, "row")
        products = m.reduce_products(g, x, None, spread, "row")
        of_both = m.reduce_products(g_twice, twice, mean, whole, "row")
        dx = m.range_norm_backward(g, spread, places, None, products, 0.3, "row", about_zero=True)
        expected = m.range_norm_backward(g_twice, whole, extremes, None, of_both, 0.3, "row")
    else:
        (spread, backward), (whole, of_whole) = measure(m, x, None, kind, "row"), measure(m, twice, mean, kind, "row")
        dx = backward(g, None, m.reduce_products(g, x, None, spread, "row"))
        expected = of_whole(g_twice, None, m.reduce_products(g_twice, twice, mean, whole, "row"))
    np.testing.assert_allclose(spread.data, whole.data, rtol=1e-12)
    np.testing.assert_allclose(dx.data, expected.data[:, :9] - expected.data[:, 9:], rtol=1e-9, atol=1e-12)


def test_the_root_mean_square(operand, fp32_machine, on_machine, kernels, rng):
    """Epsilon joins the mean square, as published code has it; a large mean stays."""
    m = _machine(on_machine, fp32_machine, kernels, epsilon=0.5, epsilon_place="inside")
    values = (rng.normal(size=(7, 33)) + 4).astype(np.float32)
    x, gamma = operand(m, "x", FP32, values), operand(m, "gamma", FP32, np.linspace(-1, 1, 33))
    y = m.normalise_rows(x, None, m.reduce_deviation(x, "row", about_zero=True), gamma, None, "row").data
    root = np.sqrt((values.astype(np.float64) ** 2).mean(axis=1, keepdims=True) + 0.5)
    np.testing.assert_allclose(y, values / root * np.linspace(-1, 1, 33), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_spreads_of_a_gaussian_are_its_deviation(on_machine, operand, int8_machine, kernels, rng, kind):
    """The range about two of them, as the paper's constant has it, and as the range about a mean is."""
    m = _machine(on_machine, int8_machine, kernels)
    x = operand(m, "x", INT16, np.rint(rng.normal(size=(20, 4096)) * 3000), X_SCALE)
    spread = measure(m, x, None, kind, "row").spread
    deviations = np.mean(spread.data * spread.scale) / (3000 * X_SCALE)
    assert deviations == pytest.approx({"range": 1.8}.get(kind, 1.0), abs=0.15 if kind == "range" else 0.01)
