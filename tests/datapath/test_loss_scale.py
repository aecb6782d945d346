"""Loss scaling in the update: how the scale moves, what counts as an overflow, what a skipped step leaves alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import Datapath, ScaleState, reference_loss_scale, reference_update
from accelsim.datapath.divergence import silent_overflow
from accelsim.datapath.loss_scaling import LossScaleState
from accelsim.datapath.units.adamw import factors
from accelsim.errors import UserError
from accelsim.formats import FP32, Adaptation, LossScale, Role, float_recipe
from accelsim.hardware import load_hwconfig
from accelsim.machine import Parameter, Tensor, Value

WEIGHT = Parameter("w", (4,), Role.WEIGHT, std=0.1)
GRADIENTS = st.lists(st.lists(st.floats(width=32), min_size=1, max_size=70), min_size=1, max_size=4)
EXPONENT = st.integers(0, 12)
SGD = {"momentum": 0.9, "weight_decay": 0.01}
ADAMW = {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.01}


def _machine(scale: LossScale | None, state=None, kernels=None, scales=None, format_=FP32) -> Datapath:
    held = {name: np.array(values, dtype=np.float32) for name, values in (state or {}).items()}
    recipe = replace(float_recipe(format_), loss_scale=scale)
    return Datapath(recipe, held, seed=1, kernels=kernels, scales=scales)


def _gradient(machine: Datapath, values, name="g") -> Tensor:
    data = np.array(values, dtype=np.float32)
    made = machine.external(name, data.shape, FP32, Role.WEIGHT_GRADIENT, data)
    return Tensor(made.spec, made.shape, Value(made.data))


def _checked(machine: Datapath, gradients, step=0) -> Tensor:
    """The factor of a step that has these gradients."""
    machine.begin_step(step, training=True, learning_rate=0.5)
    return machine.unscale_factor([machine.find_overflow(_gradient(machine, g)) for g in gradients])


@settings(deadline=None)
@given(gradients=GRADIENTS)
def test_an_overflow_is_found_in_any_gradient(kernels, gradients):
    machine = _machine(LossScale(1024.0, Adaptation()), kernels=kernels)
    factor = _checked(machine, gradients)
    assert machine.context.skips_update == reference_loss_scale.overflowed(gradients)
    assert float(factor.data[0]) == 2.0**-10


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 63, 64, 4999])
def test_one_number_of_many(kernels, bad, place):
    x = np.full((5000, 1), np.finfo(np.float32).max, dtype=np.float32)
    assert kernels.has_overflow(x).tolist() == [0]
    x[place] = bad
    assert kernels.has_overflow(x).tolist() == [1]


@settings(deadline=None)
@given(
    first=EXPONENT,
    up=st.integers(1, 3),
    down=st.integers(1, 4),
    interval=st.integers(1, 4),
    limits=st.tuples(EXPONENT, EXPONENT),
    overflows=st.lists(st.booleans(), max_size=40),
)
def test_the_scale_moves_as_exponents_do(first, up, down, interval, limits, overflows):
    """On a machine that is set up again before every step, as a run that is resumed."""
    lowest, highest = first - limits[0], first + limits[1]
    moves = reference_loss_scale.Moves(up, down, interval, lowest, highest)
    rule = LossScale(2.0**first, Adaptation(2.0**up, 2.0**-down, interval, 2.0**lowest, 2.0**highest))
    expected, ends = reference_loss_scale.exponents(first, moves, overflows)
    scales = ScaleState()
    for step, (overflowed, exponent) in enumerate(zip(overflows, expected, strict=False)):
        machine = _machine(rule, scales=ScaleState.from_plain(scales.to_plain()))
        assert machine.context.loss_scale == 2.0**exponent
        gradients = [[1.0], [2.0, math.inf if overflowed else 3.0]]
        if ends and step == len(expected) - 1:
            text = f"not finite at the lowest loss scale, {2.0**lowest:.10g}, in step {step}; a lower"
            with pytest.raises(UserError, match=f"{text} .*minimum may help"):
                _checked(machine, gradients, step)
            return
        assert float(_checked(machine, gradients, step).data[0]) == 2.0**-exponent
        scales = machine.context.scales
        assert machine.context.skipped_steps == sum(overflows[: step + 1])
    assert not ends
    assert len(expected) == len(overflows) + 1


def test_a_machine_without_has_nothing_to_remember():
    """So that checkpoints are what they were."""
    assert "loss_scale" not in ScaleState().to_plain()
    state = ScaleState(loss_scale=LossScaleState(2.0**40, 3, 7))
    assert ScaleState.from_plain(state.to_plain()) == state
    with pytest.raises(UserError, match="not a state of quantiser scales"):
        ScaleState.from_plain({**state.to_plain(), "loss_scale": {"scale": 1}})


@settings(deadline=None)
@given(gradient=st.lists(st.integers(-(2**24), 2**24), min_size=4, max_size=4), exponent=st.integers(-24, 64))
def test_an_update_takes_the_scale_off(kernels, gradient, exponent):
    """Dividing by a power of two is exact; momentum's first step by plain fractions."""
    machine = _machine(LossScale(2.0**exponent), {"w": [0.0] * 4, "w.momentum": [0.0] * 4}, kernels)
    machine.begin_step(0, training=True, learning_rate=1.0)
    machine.sgd(WEIGHT, _gradient(machine, gradient), momentum=0.5, weight_decay=0.0)
    for found, g in zip(machine.context.state["w.momentum"].tolist(), gradient, strict=True):
        assert found == reference_loss_scale.unscaled(g, exponent)


@pytest.mark.parametrize("scale", [LossScale(256.0), LossScale(256.0, Adaptation())], ids=["static", "dynamic"])
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_an_update_is_that_of_the_gradient_without_scale(kernels, rng, kind, clip, scale):
    """Clipping measures what the update reads, and both multiply once."""
    g, w, found = rng.normal(size=4).astype(np.float32), rng.normal(size=4), []
    rest = SGD if kind == "sgd" else ADAMW
    states = ("momentum",) if kind == "sgd" else ("mean", "square")
    for rule in (scale, None):
        machine = _machine(rule, {"w": w, **{f"w.{name}": np.zeros(4) for name in states}}, kernels)
        machine.begin_step(0, training=True, learning_rate=0.5)
        gradient, factor = _gradient(machine, g if rule is None else g * 256), None
        if clip:
            factor = machine.clip_factor([machine.sum_of_squares(gradient)], 0.75)
        elif rule is not None and rule.dynamic:
            factor = machine.unscale_factor([machine.find_overflow(gradient)])
        getattr(machine, kind)(WEIGHT, gradient, clip=factor, **rest)
        found.append({name: np.asarray(value).tobytes() for name, value in machine.context.state.items()})
    assert found[0] == found[1]


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_skipped_step_changes_nothing(kernels, rng, kind, clip):
    """Neither weights nor moments, and AdamW doesn't count it: the steps around it are those of a run without it."""
    rest = SGD if kind == "sgd" else ADAMW
    states = ("momentum",) if kind == "sgd" else ("mean", "square")
    good, w, found = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=4), []
    for with_bad in (True, False):
        state = {"w": w, **{f"w.{name}": np.zeros(4) for name in states}}
        machine, step = _machine(LossScale(64.0, Adaptation()), state, kernels), 0
        for number, g in enumerate(good):
            for bad in (True, False) if with_bad and number == 1 else (False,):
                before = {name: np.asarray(value).tobytes() for name, value in machine.context.state.items()}
                machine.begin_step(step, training=True, learning_rate=0.5)
                scaled = g * np.float32(machine.context.loss_scale)
                gradient = _gradient(machine, np.where(np.arange(4) == 2, np.inf, scaled) if bad else scaled)
                with silent_overflow():
                    if clip:
                        factor = machine.clip_factor([machine.sum_of_squares(gradient)], 1.0)
                    else:
                        factor = machine.unscale_factor([machine.find_overflow(gradient)])
                    getattr(machine, kind)(WEIGHT, gradient, clip=factor, **rest)
                after = {name: np.asarray(value).tobytes() for name, value in machine.context.state.items()}
                assert (before == after) is bad
                step += 1
        assert machine.context.loss_scale == (32.0 if with_bad else 64.0)
        found.append(after)
    assert found[0] == found[1]


def test_adamw_in_plain_fractions_after_a_skipped_step(rng):
    """Its second step that counts is the third of the training."""
    g, machine = rng.normal(size=(2, 4)).astype(np.float32), _machine(LossScale(2.0, Adaptation()), {"w": [1.0] * 4})
    machine.context.state |= {f"w.{name}": np.zeros(4, np.float32) for name in ("mean", "square")}
    expected = [(1.0, 0.0, 0.0)] * 4
    for step, values in enumerate([g[0], np.full(4, np.nan), g[1]]):
        machine.begin_step(step, training=True, learning_rate=0.25)
        gradient = _gradient(machine, values * np.float32(machine.context.loss_scale))
        machine.adamw(WEIGHT, gradient, clip=machine.unscale_factor([machine.find_overflow(gradient)]), **ADAMW)
        if step != 1:
            f = factors(1 if step == 0 else 2, 0.25, **ADAMW)
            numbers = [float(x) for x in (f.beta1, f.beta2, f.rest1, f.rest2, f.root, f.rate, f.keep)]
            pairs = zip(expected, values.tolist(), strict=True)
            expected = [reference_update.adamw(*held, x, numbers, float(f.epsilon)) for held, x in pairs]
    assert machine.context.state["w"].tolist() == [w for w, _, _ in expected]


@pytest.mark.parametrize("rounding", ["nearest", "stochastic", "truncate"])
@pytest.mark.parametrize(("value", "overflows"), [(65504.0, False), (65535.0, None), (65536.0, True), (1e6, True)])
def test_a_conversion_to_fp16_overflows(root, kernels, rounding, value, overflows):
    """As infinity that reaches the check, but for truncation: it stops at the largest number, and raises the flag."""
    changes = [f"numerics.weight_gradient={{format: fp16, rounding: {rounding}}}"]
    machine = Datapath(
        load_hwconfig(root / "hwconfigs" / "fp16_mixed.yaml", changes).recipe(), {}, seed=1, kernels=kernels, check=True
    )
    machine.begin_step(0, training=True)
    wide = machine.external("wide", (64,), FP32, Role.ACCUMULATOR, np.full(64, -value, dtype=np.float32))
    gradient = machine.quantise(wide, Role.WEIGHT_GRADIENT)
    assert bool(np.isfinite(gradient.data).all()) is (rounding == "truncate" or overflows is False)
    machine.unscale_factor([machine.find_overflow(gradient)])
    # Between the largest number and the next power of two, all roundings but truncation leave the range.
    expected = rounding != "truncate" if overflows is None else overflows
    assert machine.context.skips_update is expected


def test_a_truncated_activation_is_no_overflow(root):
    recipe = load_hwconfig(
        root / "hwconfigs" / "fp16_mixed.yaml", ["numerics.activation={format: fp16, rounding: truncate}"]
    ).recipe()
    machine = Datapath(recipe, {}, seed=1)
    machine.begin_step(0, training=True)
    machine.quantise(machine.external("x", (1,), FP32, Role.INPUT, np.full(1, 1e6, np.float32)), Role.ACTIVATION)
    assert not machine.context.gradient_overflow


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("hwconfig", ["fp8_hybrid", "nvfp4", "mxfp8"])
def test_a_scaled_gradient_that_is_not_finite_is_an_overflow(root, kernels, hwconfig, bad):
    """A format that saturates under a scale of its own hides it from the check, so that the quantise unit remembers;
    and no history takes it in. On a machine without dynamic scaling it ends the training."""
    role = Role.GRADIENT_DATA
    for scale in ("dynamic", "1024"):
        changes = [f"numerics.loss_scale={scale}"]
        recipe = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", changes).recipe()
        machine = Datapath(recipe, {}, seed=1, kernels=kernels, check=True)
        machine.begin_step(0, training=True)
        data = np.array([[1.0, bad] * 16], dtype=np.float32)
        wide, names = machine.external("x", (1, 32), FP32, Role.ACCUMULATOR, data), set(machine.context.scales.history)
        if scale != "dynamic" and hwconfig != "mxfp8":
            with pytest.raises(UserError, match="training diverged: x is not finite"):
                machine.quantise(wide, role)
            continue
        with silent_overflow():
            made = machine.quantise(wide, role)
        if scale == "dynamic":
            machine.unscale_factor([machine.find_overflow(made)])
            assert machine.context.skips_update
            assert set(machine.context.scales.history) == names


def test_logits_that_are_not_finite_are_no_overflow():
    """A lower scale changes nothing about them, so they end the training at once."""
    for rule, ends in ((LossScale(8.0, Adaptation()), True), (None, False)):
        machine = _machine(rule)
        machine.begin_step(7, training=True)
        logits = machine.external("x", (1, 2), FP32, Role.LOSS, np.array([[1, np.inf]], dtype=np.float32))
        labels = machine.external("y", (1,), FP32, Role.LABEL, np.zeros(1, dtype=np.uint16))
        if ends:
            with pytest.raises(UserError, match="training diverged: logits are not finite in step 7"):
                machine.softmax_cross_entropy(logits, labels)
        else:
            machine.softmax_cross_entropy(logits, labels)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_gradient_of_the_logits_is_scaled_in_training_alone(kernels, rng, smoothing):
    logits, found = rng.normal(size=(5, 3)).astype(np.float32), {}
    for scale in (None, 4096.0):
        for training in (True, False):
            machine = _machine(None if scale is None else LossScale(scale), kernels=kernels)
            machine.begin_step(0, training=training)
            x = machine.external("x", (5, 3), FP32, Role.LOSS, logits)
            y = machine.external("y", (5,), FP32, Role.LABEL, np.zeros(5, dtype=np.uint16))
            loss, g = machine.softmax_cross_entropy(x, y, smoothing)
            found[scale, training] = float(loss.data[0]), np.asarray(g.data)
    plain = found[None, True][1]
    np.testing.assert_array_equal(found[4096.0, True][1], plain * np.float32(4096))
    np.testing.assert_array_equal(found[4096.0, False][1], plain)
    assert len({loss for loss, _ in found.values()}) == 1
