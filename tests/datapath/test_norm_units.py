"""The normalisation unit whole: rows against the reference, epsilon, and the running averages, on every backend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, reference
from accelsim.datapath.context import NORM_FRACTION_BITS as BITS
from accelsim.errors import UserError
from accelsim.formats import FP32, FixedPointMultiplier, Role, format_by_name
from accelsim.layers.spread import L1_FACTOR, measure
from accelsim.machine import Parameter, Tensor, Value

INT8, INT16 = format_by_name("int8"), format_by_name("int16")
SCALE = 0.03


@pytest.fixture
def machine(kernels, int8_machine):
    def make(state=None, **norm):
        recipe = int8_machine.recipe()
        changed = replace(recipe, norm=replace(recipe.norm, **norm))
        datapath = Datapath(changed, {} if state is None else state, seed=1, kernels=kernels, check=True)
        datapath.begin_step(0, training=True)
        return datapath

    return make


def _tensor(m, name, codes, scale=SCALE, format_=INT8) -> Tensor:
    data = np.asarray(codes).astype(format_.storage)
    made = m.external(name, data.shape, format_, Role.ACTIVATION)
    return replace(made, value=Value(data, scale))


def _pairs(values):
    multiplier = FixedPointMultiplier.from_real(np.asarray(values))
    return list(zip(multiplier.mantissa.tolist(), multiplier.exponent.tolist(), strict=True))


@pytest.mark.parametrize(("group", "shape"), [("row", (5, 3, 7)), ("sample", (5, 3, 7))])
@pytest.mark.parametrize("kind", ["range", "deviation", "l1"])
def test_normalised_rows_are_the_references(machine, rng, group, shape, kind):
    m = machine()
    codes = rng.integers(-127, 128, size=shape)
    codes[1] = 9
    x = _tensor(m, "x", codes)
    gamma = _tensor(m, "gamma", rng.integers(-127, 128, size=shape[-1]), 0.01)
    beta = _tensor(m, "beta", rng.integers(-127, 128, size=shape[-1]), 0.02)
    mean = m.reduce_mean(x, group)
    spread = measure(m, x, mean, kind, group).spread
    y = m.normalise_rows(x, mean, spread, gamma, beta, group).data
    lines = codes.reshape(-1, shape[-1]) if group == "row" else codes.reshape(shape[0], -1)
    repeats = lines.shape[1] // shape[-1]
    gains = _pairs(gamma.data * 0.01) * repeats
    offsets = [int(np.floor(v * 0.02 * 2**16 + 0.5)) for v in beta.data] * repeats
    values = np.asarray(spread.data, dtype=np.float64) * spread.scale
    inverse = np.where(values > 0, 1 / np.where(values > 0, values, 1), 0) * (SCALE * 2.0 ** (16 - BITS))
    for line, centre, pair, found in zip(
        lines.tolist(), mean.data, _pairs(inverse), y.reshape(lines.shape), strict=True
    ):
        assert int(centre) == reference.mean(line, BITS)
        assert found.tolist() == reference.normalise_row(line, int(centre), pair, gains, offsets, BITS)


@pytest.mark.parametrize("kind", ["range", "deviation", "l1"])
@pytest.mark.parametrize("chunks", [1, 4])
def test_rows_are_transposed_channels(machine, rng, kind, chunks):
    """Statistics and input gradients over rows are, bit by bit, those over the channels of the transpose."""
    m = machine()
    codes, gradient = rng.integers(-127, 128, size=(6, 16)), rng.integers(-32767, 32768, size=(6, 16))
    results = []
    for group, turn in (("row", np.asarray), ("channel", np.transpose)):
        x, g = _tensor(m, "x", turn(codes)), _tensor(m, "g", turn(gradient), 1e-4, INT16)
        mean = m.reduce_mean(x, group)
        measured = measure(m, x, mean, kind, group, chunks)
        dx = measured.backward(g, None, m.reduce_products(g, x, mean, measured.spread, group))
        results.append((mean.data, measured.spread.data, turn(dx.data), dx.scale))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["range", "deviation", "l1"])
@pytest.mark.parametrize("place", ["inside", "outside"])
@pytest.mark.parametrize("chunks", [1, 2])
def test_epsilon_in_integers_is_epsilon_in_doubles(machine, rng, kind, place, chunks):
    """A large epsilon moves outputs and gradients as it does in floating point; a zero spread keeps its own rule."""
    m = machine(epsilon=0.5, epsilon_place=place, chunks=chunks)
    codes = rng.integers(-127, 128, size=(16, 3))
    codes[:, 2] = 4
    x, g = _tensor(m, "x", codes), _tensor(m, "g", rng.integers(-32767, 32768, size=(16, 3)), 1e-4, INT16)
    one, zero = _tensor(m, "one", [100] * 3, 0.01), _tensor(m, "zero", [0] * 3, 0.01)
    mean = m.reduce_mean(x)
    spread, backward = measure(m, x, mean, kind, "channel")
    y = m.normalise(x, mean, spread, one, zero)
    dx = backward(g, one, m.reduce_products(g, x, mean, spread))

    values, gradient = codes[:, :2] * SCALE, g.data[:, :2] * 1e-4
    exact = Datapath(m.recipe, {}, seed=1)
    real_x, real_g = (_tensor(exact, n, v, 1.0, FP32) for n, v in (("x", values), ("g", gradient)))
    gain, offset = (_tensor(exact, n, [v] * 2, 1.0, FP32) for n, v in (("one", 1.0), ("zero", 0.0)))
    centre = exact.reduce_mean(real_x)
    divisor, expected_backward = measure(exact, real_x, centre, kind, "channel")
    expected_y = exact.normalise(real_x, centre, divisor, gain, offset).data
    expected = expected_backward(real_g, gain, exact.reduce_products(real_g, real_x, centre, divisor)).data
    np.testing.assert_allclose(y.data[:, :2] * y.scale, expected_y, atol=2e-3)
    np.testing.assert_allclose(dx.data[:, :2] * dx.scale, expected, atol=2e-3 * np.abs(expected).max())
    assert not y.data[:, 2].any()
    assert not dx.data[:, 2].any()


def test_the_l1_spread_of_a_gaussian_is_its_deviation(machine, rng):
    m = machine()
    x = _tensor(m, "x", np.clip(np.rint(rng.normal(size=(20000, 1)) * 30), -127, 127))
    spread = measure(m, x, m.reduce_mean(x), "l1", "channel").spread
    assert float(spread.data[0] * spread.scale) == pytest.approx(30 * SCALE, rel=0.02)
    assert pytest.approx(1.2533, abs=1e-4) == L1_FACTOR


@pytest.mark.parametrize("inverse", [False, True])
def test_running_averages(machine, rng, inverse):
    """The running inverse averages 1 / spread, and comes back as a spread; a zero spread averages as zero."""
    state = {"n.running": np.array([1.0, 1.0], dtype=np.float32)}
    m = machine(state)
    codes = rng.integers(-127, 128, size=(16, 2))
    codes[:, 1] = 4
    x = _tensor(m, "x", codes)
    spread = measure(m, x, m.reduce_mean(x), "deviation", "channel").spread
    running = Parameter("n.running", (2,), Role.NORM_STATISTIC, Role.NORM_STATISTIC)
    m.track(running, spread, 0.25, inverse=inverse)
    deviation = codes[:, 0].std() * SCALE
    kept = 0.25 + 0.75 * (1 / deviation if inverse else deviation)
    np.testing.assert_allclose(state["n.running"], [kept, 0.25], rtol=1e-3)
    m.begin_step(1, training=False)
    found = m.recall_spread(running, inverse=inverse).data
    np.testing.assert_allclose(found, [1 / kept, 4.0] if inverse else [kept, 0.25], rtol=1e-3)


def test_rows_need_one_scale(machine):
    m = machine()
    x = _tensor(m, "x", np.zeros((4, 2)), np.array([0.1, 0.2]))
    with pytest.raises(UserError, match="needs one per tensor"):
        m.reduce_mean(x, "row")
