"""A batch in parts: the mean gradient of all of it, every part with random bits of its own, ranges taken in by part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, Observation, ScaleState, reference
from accelsim.datapath.kernels import NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.formats import FP32, FixedPointMultiplier, FloatFormat, Rounding, float_recipe
from accelsim.hardware import load_hwconfig
from accelsim.layers import AdamW, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine import Tensor
from accelsim.networks import Network
from accelsim.program import Phase
from accelsim.training import initial_state

FP64 = FloatFormat("fp64", 64, exponent_bits=11, mantissa_bits=52)
OPTIMIZER = Sgd(learning_rate=0.05, weight_decay=1e-4)
BATCH = 8
CONV = {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}
LAYERS = [CONV, "batch_norm", "relu", {"residual": {"body": [CONV, "batch_norm"]}}, "flatten", {"linear": {"units": 3}}]
DELAYED = ["numerics.activation={format: int8, rounding: stochastic, scale: delayed, history: 3}"]
INTEGERS = [f"numerics.{role}=int16" for role in ("master_weight", "optimizer_state")]
MACHINES = {
    "int8": ("int8_range_bn", DELAYED, OPTIMIZER),
    "running": ("int8_range_bn", ["numerics.activation={format: uint8, affine: true, scale: running}"], OPTIMIZER),
    "integers": (
        "int8_range_bn",
        [*INTEGERS, "numerics.weight_gradient={format: int12, rounding: stochastic}"],
        OPTIMIZER,
    ),
    "bf16": ("bf16", ["numerics.weight_gradient=bf16"], AdamW(learning_rate=0.01, clip_norm=0.1)),
    "fp8": ("fp8_hybrid", [], AdamW(learning_rate=0.01, weight_decay=0.1)),
    "mxfp8": ("mxfp8", [], OPTIMIZER),
    "scaled loss": ("fp16_mixed", ["numerics.loss_scale={initial: 64, interval: 1}"], AdamW(learning_rate=0.01)),
    "flexpoint": ("flexpoint", [], Sgd(learning_rate=0.05, clip_norm=0.1)),
}


class Keeping(Datapath):
    """Keeps every tensor that layers make, by name."""

    def begin(self, *, training: bool = True) -> None:
        self.found: dict[str, Tensor] = {}
        super().begin(training=training)

    def issue(self, *args, **kwargs):
        made = super().issue(*args, **kwargs)
        self.found.update({tensor.name: tensor for tensor in made})
        return made


def _network(layers=LAYERS):
    return Network([parse_layer(layer) for layer in layers], (6, 6, 2), 3)


def _recipe(root, machine):
    hwconfig, changes, optimizer = MACHINES[machine]
    return load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", changes).recipe(), optimizer


def _images(rng, network, steps=1):
    for _ in range(steps):
        images = rng.normal(size=(BATCH, *network.input_shape)).astype(np.float32)
        yield images, rng.integers(0, network.classes, size=BATCH).astype(np.uint16)


def _step(network, recipe, state, batch, parts, optimizer=OPTIMIZER, *, rate=0.1, scales=None, kernels=None, step=0):
    """One checked step in ``parts``; the state is written to."""
    machine = Keeping(recipe, state, seed=1, scales=scales, kernels=kernels, check=True)
    machine.begin_step(step, training=True, learning_rate=rate)
    outcomes = network.train_in_parts(machine, optimizer, *batch, len(batch[1]), parts)
    return machine, [float(outcome.loss.data[0]) for outcome in outcomes]


def _gradients(machine):
    found: dict[str, np.ndarray] = {}
    for _, parameter, g in machine.gradients:
        found[parameter.name] = found.get(parameter.name, 0.0) + np.asarray(g.data, dtype=np.float64)
    return found


RANDOM, ACROSS_IMAGES = "dropout", "batch_norm"


def _kinds(layers):
    inner = {kind for layer in layers for branch in layer.children() for kind in _kinds(branch)}
    return inner | {layer.kind for layer in layers}


def test_the_gradient_of_every_layer_is_that_of_the_whole_batch(network, batch, draw_state):
    """Up to double precision, for all that neither draws random bits nor looks across images."""
    if _kinds(network.layers) & {RANDOM, ACROSS_IMAGES}:
        return
    recipe = float_recipe(FP64)
    state = draw_state(network.trace(recipe, OPTIMIZER, BATCH).parameters, "float64")
    whole, losses = _step(network, recipe, dict(state), batch, 1)
    expected = _gradients(whole)
    for parts in (2, 4, 8):
        machine, found = _step(network, recipe, dict(state), batch, parts)
        assert np.mean(found) == pytest.approx(losses[0], rel=1e-12)
        for name, gradient in _gradients(machine).items():
            np.testing.assert_allclose(gradient, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kernels", [NumpyKernels, CompiledKernels])
@pytest.mark.parametrize("optimizer", [OPTIMIZER, AdamW(learning_rate=0.01, clip_norm=0.01)])
def test_the_very_bits_where_arithmetic_is_exact(kernels, optimizer, rng):
    """Small integers for images and weights, and four classes of equal probability: all sums fit fp32."""
    layers = ["flatten", {"linear": {"name": "first", "units": 2}}, {"linear": {"name": "last", "units": 4}}]
    network, recipe = Network([parse_layer(layer) for layer in layers], (3, 3, 1), 4), float_recipe(FP32)
    batch = rng.integers(-9, 10, size=(16, 3, 3, 1)).astype(np.float32), rng.integers(0, 4, size=16).astype(np.uint16)
    # Both hidden units are equal, and each class takes their difference: scores are 0, and not so the gradient below.
    first = {
        "first.weight": np.tile(rng.integers(-3, 4, size=9).astype(np.float32), (2, 1)),
        "first.bias": np.full(2, 3, np.float32),
    }
    classes = np.arange(1, 5, dtype=np.float32)
    first |= {"last.weight": np.stack([classes, -classes], axis=1), "last.bias": np.zeros(4, np.float32)}
    states = []
    for parts in (1, 2, 4, 16):
        state = initial_state(network.trace(recipe, optimizer, 16).parameters, 5, given=first)
        machine, _ = _step(network, recipe, state, batch, parts, optimizer, kernels=kernels())
        assert np.abs(_gradients(machine)["first.weight"]).max() > 0
        states.append({name: np.asarray(value).tobytes() for name, value in state.items()})
    assert all(state == states[0] for state in states)


def _added(a, b):
    """One addition in plain integers: both operands at the unit of a common range, each rounded half up once."""
    steps = [float(x[1]) for x in (a, b)]
    bound = sum(max(map(abs, codes)) * step for (codes, _), step in zip((a, b), steps, strict=True)) or 1.0
    scale = bound / 2.0**30 * (2.0 if max(steps) >= bound else 1.0)
    words = []
    for (codes, _), step in zip((a, b), steps, strict=True):
        multiplier = FixedPointMultiplier.from_real(step / scale if any(codes) else 0.0)
        words.append([reference.rescale(x, int(multiplier.mantissa), int(multiplier.exponent)) for x in codes])
    return [x + y for x, y in zip(*words, strict=True)], scale


@pytest.mark.parametrize("kernels", [NumpyKernels, CompiledKernels])
def test_integer_gradients_are_added_as_plain_integers_are(kernels, root, rng):
    recipe, optimizer = _recipe(root, "integers")
    network, (batch,) = _network(), _images(rng, _network())
    state = initial_state(network.trace(recipe, optimizer, BATCH).parameters, 5)
    machine, _ = _step(network, recipe, state, batch, 4, optimizer, kernels=kernels())
    for layer, parameter, total in machine.gradients:
        kind = parameter.name.rpartition(".")[2]
        parts = [machine.found[f"{layer}.{kind}_gradient{end}"] for end in ("", ".part2", ".part3", ".part4")]
        codes = [([int(x) for x in part.data.reshape(-1)], part.scale) for part in parts]
        expected = codes[0]
        for other in codes[1:]:
            expected = _added(expected, other)
        assert (str(total.format), [int(x) for x in total.data.reshape(-1)], total.scale) == ("int32", *expected)
        assert any(expected[0])
        converted = machine.found[f"{layer}.{kind}_gradient_total"]
        assert (str(converted.format), converted.spec.role) == ("int12", "weight_gradient")


def _trained(network, recipe, optimizer, batches, parts, kernels=None, *, fresh=False):
    """State, scales, losses and observations of a training; ``fresh``: layers are asked anew in every step."""
    state, scales = initial_state(network.trace(recipe, optimizer, BATCH, parts).parameters, 5, recipe), ScaleState()
    machine, seen = Datapath(recipe, state, seed=1, scales=scales, kernels=kernels, check=True), []
    for step, batch in enumerate(batches):
        if fresh:
            machine = Datapath(recipe, state, seed=1, scales=scales, kernels=kernels, check=True)
        machine.begin_step(step, training=True, learning_rate=0.1)
        machine.context.observation = Observation()
        outcomes = network.train_in_parts(machine, optimizer, *batch, BATCH, parts)
        observed = machine.context.observation
        statistics = [(name, found.statistics) for name, found in observed.found.items()]
        seen.append(([float(each.loss.data[0]) for each in outcomes], statistics, observed.gradient_power))
    return {name: np.asarray(value).tobytes() for name, value in state.items()}, scales, seen, machine.program


@pytest.mark.parametrize("machine", MACHINES)
def test_recomputed_and_repeated_parts(machine, root, rng):
    """Steps by heart, and layers that do their forward work twice, leave the bits of those that don't."""
    network, (recipe, optimizer) = _network(), _recipe(root, machine)
    batches = list(_images(rng, network, 3))
    plain = _trained(network, recipe, optimizer, batches, 2, fresh=True)
    again = _network([*LAYERS[:1], {"recompute": {"body": LAYERS[1:4]}}, *LAYERS[4:]])
    repeated = _trained(again, recipe, optimizer, batches, 2)
    assert plain[:3] == repeated[:3]
    assert any(op.phase is Phase.RECOMPUTE and op.part == 2 for op in repeated[3].operations)
    assert len(np.unique(plain[2][-1][0])) == 2
    if machine == "int8":
        assert _trained(network, recipe, optimizer, batches, 2, CompiledKernels())[:3] == plain[:3]


@pytest.mark.parametrize(
    ("machine", "memory"), [("int8", "history"), ("running", "running"), ("flexpoint", "autoflex")]
)
def test_a_part_is_to_ranges_and_running_averages_what_a_step_is(machine, memory, root, rng):
    """Two steps of half the batch that learn nothing leave the same of activations; weights are seen once a step."""
    hwconfig, changes, optimizer = MACHINES[machine]
    changes = [change.replace(", rounding: stochastic", "") for change in changes]
    changes += ["numerics.weight={format: int8, scale: delayed, history: 9}"] if machine == "int8" else []
    recipe = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", changes).recipe()
    network, (batch,) = _network(), _images(rng, _network())
    states = [initial_state(network.trace(recipe, optimizer, BATCH).parameters, 5, recipe) for _ in range(2)]
    scales = [ScaleState(), ScaleState()]
    _step(network, recipe, states[0], batch, 2, optimizer, rate=0.0, scales=scales[0])
    for step in range(2):
        half = tuple(x[4 * step : 4 * step + 4] for x in batch)
        _step(network, recipe, states[1], half, 1, optimizer, rate=0.0, scales=scales[1], step=step)
    names = [name for name in states[0] if "running" in name]
    assert names
    for name in names:
        np.testing.assert_array_equal(states[0][name], states[1][name], err_msg=name)
    assert not any("part" in name for each in ("running", "history", "autoflex") for name in getattr(scales[0], each))
    found, expected = (getattr(each, memory) for each in scales)
    inputs = [name for name in expected if name.endswith((".input", " below zero"))]
    assert inputs
    assert {name: found[name] for name in inputs} == {name: expected[name] for name in inputs}
    if machine == "int8":
        assert [len(each.history["conv2d1.weight_codes"]) for each in scales] == [1, 2]
        assert [len(each.history["conv2d1.input"]) for each in scales] == [2, 2]


def test_every_part_draws_random_bits_of_its_own(root, rng):
    """The very same images twice: what is rounded to nearest is the same, what is rounded at random is not."""
    recipe, optimizer = _recipe(root, "int8")
    network, (batch,) = _network([*LAYERS[:3], {"dropout": {"rate": 0.5}}, *LAYERS[4:]]), _images(rng, _network())
    batch = tuple(np.concatenate([x[:4], x[:4]]) for x in batch)
    state = initial_state(network.trace(recipe, optimizer, BATCH).parameters, 5)
    machine, _ = _step(network, recipe, state, batch, 2, optimizer)
    for name, equal in (("conv2d1.input", False), ("dropout1.output", False)):
        first, second = (machine.found[name + end].data for end in ("", ".part2"))
        assert np.array_equal(first, second) is equal
        assert first.shape == second.shape
    rules = {role: replace(rule, rounding=Rounding.NEAREST) for role, rule in recipe.rules.items()}
    nearest = replace(recipe, rules=rules)
    machine, _ = _step(network, nearest, state, batch, 2, optimizer)
    assert np.array_equal(*(machine.found["conv2d1.input" + end].data for end in ("", ".part2")))
