"""Clipping by the global norm: against plain fractions bit by bit, in training, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import Datapath, reference_update
from accelsim.errors import UserError
from accelsim.formats import FP32, Role, float_recipe
from accelsim.hardware import load_hwconfig
from accelsim.machine import Parameter, Tensor, Value

FLOATS = st.floats(-1e4, 1e4, width=32, allow_subnormal=False)
GRADIENTS = st.lists(st.lists(FLOATS, min_size=1, max_size=17), min_size=1, max_size=5)


def _machine(state, kernels=None, recipe=None) -> Datapath:
    held = {name: np.array(values, dtype=np.float32) for name, values in state.items()}
    machine = Datapath(recipe or float_recipe(FP32), held, seed=1, kernels=kernels)
    machine.begin_step(0, training=True, learning_rate=0.5)
    return machine


def _gradient(machine: Datapath, values, scale=1.0, name="g") -> Tensor:
    data = np.array(values, dtype=np.float32)
    made = machine.external(name, data.shape, FP32, Role.WEIGHT_GRADIENT, data)
    return Tensor(made.spec, made.shape, Value(made.data, scale))


def _factor(machine: Datapath, gradients, clip_norm) -> Tensor:
    squares = [machine.sum_of_squares(_gradient(machine, g)) for g in gradients]
    return machine.clip_factor(squares, clip_norm)


@settings(deadline=None, max_examples=60)
@given(gradients=GRADIENTS, clip_norm=st.floats(2.0**-10, 1e5, width=32))
def test_every_operation_is_rounded_in_the_stated_order(kernels, gradients, clip_norm):
    found = _factor(_machine({}, kernels), gradients, clip_norm)
    assert float(found.data[0]) == reference_update.clip(gradients, clip_norm)


@pytest.mark.parametrize("size", [1, 2, 3, 64, 1000, 4097])
def test_squares_of_many_elements(kernels, rng, size):
    """The tree keeps the error small: half a unit of the last place for each of its levels."""
    x = rng.normal(size=(size, 1)).astype(np.float32)
    found = float(kernels.sum_of_squares(x)[0])
    assert found == reference_update.squares(x.reshape(-1).tolist())
    exact = math.fsum(float(v) ** 2 for v in x.reshape(-1))
    assert abs(found - exact) <= exact * 2.0**-24 * (math.ceil(math.log2(size)) + 1)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("scale", [1.0, 0.37])
def test_an_update_takes_the_clipped_gradient(kernels, rng, kind, scale):
    """The same bits as the update by a gradient that was multiplied beforehand."""
    g, w = rng.normal(size=32).astype(np.float32), rng.normal(size=32)
    states, found = {"sgd": ("momentum",), "adamw": ("mean", "square")}[kind], []
    for clipped in (True, False):
        machine = _machine({"w": w, **{f"w.{name}": np.zeros(32) for name in states}}, kernels)
        clip = machine.clip_factor([machine.sum_of_squares(_gradient(machine, g, scale))], 1.0)
        by_hand = g * np.float32(scale) * clip.data
        gradient = _gradient(machine, g, scale) if clipped else _gradient(machine, by_hand)
        rest = {"momentum": 0.9} if kind == "sgd" else {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8}
        parameter = Parameter("w", (32,), Role.WEIGHT, std=0.1)
        getattr(machine, kind)(parameter, gradient, weight_decay=0.01, clip=clip if clipped else None, **rest)
        found.append(machine.context.state)
        assert float(clip.data[0]) == pytest.approx(1 / (scale * np.linalg.norm(g)), rel=1e-6)
    for name, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][name], err_msg=name)


def test_a_norm_within_changes_nothing(kernels):
    assert float(_factor(_machine({}, kernels), [[3.0], [4.0]], 5.0).data[0]) == 1.0
    assert float(_factor(_machine({}, kernels), [[0.0, 0.0]], 5.0).data[0]) == 1.0
    assert float(_factor(_machine({}, kernels), [[3.0], [4.0]], 2.5).data[0]) == 0.5


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e30])
def test_a_norm_that_is_not_finite_has_diverged(kernels, bad):
    with pytest.raises(UserError, match="training diverged: the norm of all gradients is not finite in step 0"):
        _factor(_machine({}, kernels), [[1.0, bad]], 1.0)


def test_integers_are_refused(root):
    integers = ["numerics.master_weight=int16", "numerics.optimizer_state=int16"]
    recipe = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", integers).recipe()
    machine = _machine({"w": [1.0] * 4}, recipe=recipe)
    clip, gradient = _factor(machine, [[1.0] * 4], 0.5), _gradient(machine, [1.0] * 4)
    with pytest.raises(UserError, match=r"optimizer\.clip_norm updates .* numerics\.master_weight is int16"):
        machine.sgd(Parameter("w", (4,), Role.WEIGHT, std=0.1), gradient, momentum=0.0, weight_decay=0.0, clip=clip)
    recipe = load_hwconfig(
        root / "hwconfigs" / "int8_range_bn.yaml", [*integers, "numerics.weight_gradient=int16"]
    ).recipe()
    machine = _machine({}, recipe=recipe)
    codes = machine.external("g", (4,), recipe[Role.WEIGHT_GRADIENT].format, Role.WEIGHT_GRADIENT, np.ones(4))
    with pytest.raises(UserError, match=r"clip_norm measures floating-point gradients, .* is int16"):
        machine.sum_of_squares(codes)
