"""AdamW in the update unit: against plain fractions bit by bit, and against the textbook in double precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import Datapath, reference_update
from accelsim.datapath.units.adamw import factors, power
from accelsim.errors import UserError
from accelsim.formats import FP32, Role, Rounding, TensorRule, float_recipe, format_by_name
from accelsim.formats.float_codes import round_to_float
from accelsim.hardware import load_hwconfig
from accelsim.machine import Parameter, Tensor, Value

FOUR = 4
FLOATS = st.lists(st.floats(-1e4, 1e4, width=32), min_size=FOUR, max_size=FOUR)
SQUARES = st.lists(st.floats(0, 1e6, width=32), min_size=FOUR, max_size=FOUR)
USUAL = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.01}


def _machine(state, kernels=None, recipe=None) -> Datapath:
    held = {name: np.array(values, dtype=np.float32) for name, values in state.items()}
    return Datapath(recipe or float_recipe(FP32), held, seed=1, kernels=kernels)


def _step(machine: Datapath, gradient, step=0, learning_rate=0.1, **attributes) -> None:
    machine.begin_step(step, training=True, learning_rate=learning_rate)
    data = np.array(gradient, dtype=np.float32)
    made = machine.external("g", data.shape, FP32, Role.WEIGHT_GRADIENT)
    parameter = Parameter("w", data.shape, Role.WEIGHT, std=0.1)
    machine.adamw(parameter, Tensor(made.spec, made.shape, Value(data)), **(USUAL | attributes))


@settings(deadline=None, max_examples=40)
@given(
    values=st.tuples(FLOATS, FLOATS, SQUARES, FLOATS),
    step=st.integers(0, 10**6),
    learning_rate=st.floats(1e-6, 1.0),
    decay=st.sampled_from([0.0, 0.01, 0.3]),
    betas=st.sampled_from([(0.9, 0.999), (0.5, 0.9), (0.0, 0.0)]),
)
def test_every_operation_is_rounded_in_the_stated_order(kernels, values, step, learning_rate, decay, betas):
    w, mean, square, gradient = values
    machine = _machine({"w": w, "w.mean": mean, "w.square": square}, kernels)
    beta1, beta2 = betas
    _step(machine, gradient, step, learning_rate, beta1=beta1, beta2=beta2, weight_decay=decay)
    f = factors(step + 1, learning_rate, beta1=beta1, beta2=beta2, epsilon=1e-8, weight_decay=decay)
    shared = [float(x) for x in (f.beta1, f.beta2, f.rest1, f.rest2, f.root, f.rate, f.keep)]
    for element, old in enumerate(zip(w, mean, square, gradient, strict=True)):
        expected = reference_update.adamw(*old, shared, float(f.epsilon))
        found = [float(machine.context.state[name][element]) for name in ("w", "w.mean", "w.square")]
        assert found == list(expected)


def test_steps_follow_the_textbook(rng):
    """Loshchilov and Hutter's algorithm 2 in double precision; fp32 stays within a few units of the last place."""
    w, mean, square = rng.normal(size=64), np.zeros(64), np.zeros(64)
    machine = _machine({"w": w, "w.mean": mean, "w.square": square})
    for t in range(1, 21):
        g = rng.normal(size=64)
        _step(machine, g, t - 1, 0.01, weight_decay=0.1)
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g * g
        corrected = mean / (1 - 0.9**t), square / (1 - 0.999**t)
        w = w - 0.01 * (corrected[0] / (np.sqrt(corrected[1]) + 1e-8) + 0.1 * w)
    np.testing.assert_allclose(machine.context.state["w"], w, rtol=2e-6, atol=2e-6)


def test_the_first_step_is_the_learning_rate_whatever_the_gradient():
    machine = _machine({"w": [1.0] * 4, "w.mean": [0] * 4, "w.square": [0] * 4})
    _step(machine, [1e-3, -5.0, 40.0, 0.0], weight_decay=0.0)
    np.testing.assert_allclose(machine.context.state["w"], [0.9, 1.1, 0.9, 1.0], rtol=1e-4)


def test_state_takes_the_format_of_its_role():
    bf16 = format_by_name("bf16")
    recipe = float_recipe(FP32)
    rules = {**recipe.rules, Role.OPTIMIZER_STATE: TensorRule(bf16), Role.MASTER_WEIGHT: TensorRule(bf16)}
    machine = _machine(
        {"w": [0.5] * 4, "w.mean": [0] * 4, "w.square": [0] * 4},
        recipe=type(recipe)(**{**vars(recipe), "rules": rules}),
    )
    _step(machine, [0.3, 0.7, -1.1, 0.013])
    for name, value in machine.context.state.items():
        assert np.array_equal(round_to_float(np, value, bf16), value), name
    wide = _machine({"w": [0.5] * 4, "w.mean": [0] * 4, "w.square": [0] * 4})
    _step(wide, [0.3, 0.7, -1.1, 0.013])
    assert not np.array_equal(machine.context.state["w.mean"], wide.context.state["w.mean"])


def test_stochastic_rounding_of_the_masters_is_drawn_by_step():
    bf16 = TensorRule(format_by_name("bf16"), Rounding.STOCHASTIC)
    recipe = float_recipe(FP32)
    recipe = type(recipe)(**{**vars(recipe), "rules": {**recipe.rules, Role.MASTER_WEIGHT: bf16}})
    n, results = 512, []
    for step in (0, 0, 1):
        machine = _machine({"w": [1.0] * n, "w.mean": [0] * n, "w.square": [0] * n}, recipe=recipe)
        _step(machine, [1.0] * n, step, learning_rate=1e-3, beta1=0.0, beta2=0.0, weight_decay=0.0)
        results.append(machine.context.state["w"])
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])
    assert results[0].mean() == pytest.approx(0.999, abs=5e-4)


@pytest.mark.parametrize("exponent", [0, 1, 2, 7, 1000, 10**6])
@pytest.mark.parametrize("base", [0.0, 0.5, 0.9, 0.999])
def test_power(base, exponent):
    assert power(base, exponent) == pytest.approx(base**exponent, rel=1e-9)


def test_integer_masters_are_refused(root):
    made = ["numerics.master_weight=int16", "numerics.optimizer_state=int16", "numerics.weight_gradient=int16"]
    recipe = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", made).recipe()
    machine = _machine({"w": [1.0] * 4}, recipe=recipe)
    with pytest.raises(UserError, match=r"optimizer adamw updates floating-point .* numerics\.master_weight is int16"):
        _step(machine, [1.0] * 4)
