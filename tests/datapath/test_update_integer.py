"""The integer update against plain Python integers, bit by bit, for every rounding."""

from __future__ import annotations

import math
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import Datapath, ScaleState, reference, reference_update
from accelsim.datapath.units.update_scale import few_bits, learning_rate, momentum_share, nearest_power_of_two
from accelsim.errors import UserError
from accelsim.formats import FP32, Recipe, Role, Rounding, TensorRule, format_by_name, integer
from accelsim.hardware import load_hwconfig
from accelsim.machine import Parameter, Tensor, Value

WEIGHT = Parameter("w", (4,), Role.WEIGHT, std=0.1)
SEED, STEP = 5, 3
RATES = st.one_of(st.floats(1e-9, 10.0), st.just(0.0))
FOUR_CODES = st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=4, max_size=4)
FOUR_FLOATS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4)
ROUNDINGS = [(rounding, Rounding.NEAREST) for rounding in Rounding] + [(Rounding.STOCHASTIC, r) for r in Rounding]


@pytest.fixture(scope="module")
def recipe(root) -> Recipe:
    made = ["numerics.master_weight=int16", "numerics.optimizer_state=int16", "numerics.weight_gradient=int16"]
    return load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", made).recipe()


def _machine(recipe: Recipe, rules: dict[Role, TensorRule], codes, exponents, form="exact") -> Datapath:
    formats = {"w": rules[Role.MASTER_WEIGHT].format, "w.momentum": rules[Role.OPTIMIZER_STATE].format}
    state = {name: np.array(codes[name], dtype=formats[name].storage) for name in codes}
    changed = Recipe(**{**vars(recipe), "rules": {**recipe.rules, **rules}, "learning_rate": form})
    return Datapath(changed, state, seed=SEED, scales=ScaleState(fixed_point=dict(exponents)))


def _gradient(machine: Datapath, values, format_=FP32, scale: float = 1.0) -> Tensor:
    data = np.array(values, dtype=format_.storage)
    made = machine.external("g", data.shape, format_, Role.WEIGHT_GRADIENT)
    return Tensor(made.spec, made.shape, Value(data, scale))


def _rounder(name: str, element: int, rule: TensorRule):
    random = reference.random_code(SEED, STEP, zlib.crc32(f"{name}.update".encode()), element, rule.random_bits)
    mode = "nearest_away" if rule.rounding is Rounding.NEAREST else str(rule.rounding)
    return lambda x, shift: reference_update.shift_right(x, shift, mode, random, rule.random_bits)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
@pytest.mark.parametrize(("weight_rounding", "state_rounding"), ROUNDINGS)
def test_sgd(recipe, weight_rounding, state_rounding, data):
    draw = data.draw
    bits = draw(st.integers(8, 32)), draw(st.integers(8, 32))
    tops = tuple((1 << (b - 1)) - 1 for b in bits)
    exponents = draw(st.integers(-4, 40)), draw(st.integers(-8, 60))
    codes = [draw(st.lists(st.integers(-top, top), min_size=4, max_size=4)) for top in tops]
    momentum, rate = draw(st.sampled_from([0.0, 0.5, 0.9, 0.999])), draw(RATES)
    decay = draw(st.sampled_from([0.0, 1e-4, 5e-4, 0.1]))
    form = draw(st.sampled_from(["exact", "power_of_two"]))
    rules = {
        Role.MASTER_WEIGHT: TensorRule(integer(bits[0]), weight_rounding, draw(st.integers(1, 16))),
        Role.OPTIMIZER_STATE: TensorRule(integer(bits[1]), state_rounding, draw(st.integers(1, 16))),
    }
    kept = dict(zip(("w", "w.momentum"), codes if momentum else codes[:1], strict=False))
    names = dict(zip(("w", "w.momentum"), exponents, strict=True))
    machine = _machine(recipe, rules, kept, names, form)
    machine.begin_step(STEP, training=True, learning_rate=rate)
    if draw(st.booleans()):
        scale, values = draw(st.floats(1e-12, 1e3)), draw(FOUR_CODES)
        gradient = _gradient(machine, values, integer(32), scale)
        terms = [reference_update.integer_term(g, *few_bits(scale, 31), exponents[1]) for g in values]
    else:
        values = draw(FOUR_FLOATS)
        gradient = _gradient(machine, values)
        terms = [reference_update.float_term(g, exponents[1]) for g in values]
    machine.sgd(WEIGHT, gradient, momentum=momentum, weight_decay=decay)
    mantissa, shift = few_bits(decay, 8)
    multiplier = learning_rate(rate, form)
    for i, term in enumerate(terms):
        decayed = reference_update.integer_term(codes[0][i], mantissa, shift + exponents[0], exponents[1])
        rounds = [_rounder(name, i, rule) for name, rule in zip(names, rules.values(), strict=True)]
        before = codes[0][i], codes[1][i] if momentum else 0
        w, v = reference_update.sgd(
            *before, term + decayed, momentum_share(momentum), multiplier, exponents, tops, tuple(rounds)
        )
        assert machine.context.state["w"][i] == w
        assert not momentum or machine.context.state["w.momentum"][i] == v


@given(value=st.floats(1e-30, 1e6), bits=st.sampled_from([8, 31]))
def test_few_bits(value, bits):
    mantissa, shift = few_bits(value, bits)
    assert 1 << (bits - 1) <= mantissa < 1 << bits
    assert abs(Fraction(mantissa) / Fraction(2) ** shift / Fraction(value) - 1) <= Fraction(1, (1 << bits) + 1)


@given(value=st.floats(1e-30, 1e6))
def test_nearest_power_of_two(value):
    mantissa, shift = nearest_power_of_two(value)
    assert mantissa == 1
    assert math.sqrt(0.5) * (1 - 1e-15) <= value * 2.0**shift <= math.sqrt(2) * (1 + 1e-15)


@pytest.mark.parametrize(("momentum", "k"), [(0.9, 230), (0.5, 128), (0.99, 253), (0.999, 255), (0.0, 0)])
def test_momentum_is_k_over_256_and_never_one(momentum, k):
    assert momentum_share(momentum) == k


def test_velocity_gets_its_exponent_from_the_first_gradient_that_is_not_zero(recipe):
    rules = {role: TensorRule(integer(16)) for role in (Role.MASTER_WEIGHT, Role.OPTIMIZER_STATE)}
    machine = _machine(recipe, rules, {"w": [100] * 4, "w.momentum": [0] * 4}, {"w": 10})
    for step, (values, known) in enumerate([([0.0] * 4, None), ([0, -0.25, 0, 0.1], 12), ([9.0] * 4, 12)]):
        machine.begin_step(step, training=True, learning_rate=0.5)
        machine.sgd(WEIGHT, _gradient(machine, values), momentum=0.9, weight_decay=0.0)
        assert machine.context.scales.fixed_point.get("w.momentum") == known
        if not step:
            assert machine.context.state["w"].tolist() == [100] * 4
    assert machine.context.state["w.momentum"].tolist() == [32767] * 4


def test_gradient_that_is_not_finite_stops_the_training(recipe):
    rules = {role: TensorRule(integer(16)) for role in (Role.MASTER_WEIGHT, Role.OPTIMIZER_STATE)}
    machine = _machine(recipe, rules, {"w": [1] * 4, "w.momentum": [0] * 4}, {"w": 10})
    machine.begin_step(7, training=True, learning_rate=0.5)
    with pytest.raises(UserError, match="training diverged: g is not finite in step 7"):
        machine.sgd(WEIGHT, _gradient(machine, [1.0, np.nan, 0, 0]), momentum=0.9, weight_decay=0.0)


def test_steps_below_one_code_move_the_weight_on_average_when_rounded_stochastically(recipe):
    """A step of 0.3 codes: lost by rounding to nearest, 0.3 codes on average by stochastic rounding."""
    n = 1 << 12
    parameter = Parameter("w", (n,), Role.WEIGHT, std=0.1)
    for rounding, expected in ((Rounding.NEAREST, 0.0), (Rounding.STOCHASTIC, -0.3)):
        rules = {
            Role.MASTER_WEIGHT: TensorRule(integer(16), rounding),
            Role.OPTIMIZER_STATE: TensorRule(format_by_name("int32")),
        }
        machine = _machine(recipe, rules, {"w": [0] * n}, {"w": 10})
        machine.begin_step(0, training=True, learning_rate=0.3)
        machine.sgd(parameter, _gradient(machine, [2.0**-10] * n), momentum=0.0, weight_decay=0.0)
        assert abs(machine.context.state["w"].mean() - expected) < 5 * math.sqrt(0.21 / n)
