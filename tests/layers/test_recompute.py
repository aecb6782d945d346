"""Layers that do their forward work again: the same bits as those that keep it, from the very same calls."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import Datapath, NumpyKernels, Observation, ScaleState
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.hardware import load_hwconfig
from accelsim.layers import AdamW, Recompute, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine import Tensor
from accelsim.networks import Network
from accelsim.program import Phase, Program
from accelsim.tracing import Tracer
from accelsim.training import initial_state

OPTIMIZER = Sgd(learning_rate=0.05, weight_decay=1e-4)
ADAMW = AdamW(learning_rate=0.01, clip_norm=0.1)
DELAYED = ["numerics.activation={format: int8, rounding: stochastic, scale: delayed, history: 2}"]
MACHINES = {
    "int8": ("int8_range_bn", []),
    "delayed": ("int8_range_bn", DELAYED),
    "running": ("int8_range_bn", ["numerics.activation={format: uint8, affine: true, scale: running}"]),
    "fp32": ("fp32", []),
    "fp8": ("fp8_hybrid", []),
    "mxfp8": ("mxfp8", []),
    "scaled loss": ("fp16_mixed", ["numerics.loss_scale={initial: 64, interval: 1}"]),
    "flexpoint": ("flexpoint", []),
}
STEPS = 4
"""The machine asks layers in the first two, and repeats what they issued in the others."""


class Twice(Datapath):
    """Keeps the value of every tensor that layers ask for, by name, and holds those made twice against each other."""

    def begin(self, *, training: bool = True) -> None:
        self.found: dict[str, Tensor] = {}
        super().begin(training=training)

    def issue(self, *args, **kwargs) -> tuple[Tensor, ...]:
        made = super().issue(*args, **kwargs)
        self.found.update({tensor.name: tensor for tensor in made})
        return made

    def compare(self) -> None:
        for tensor in self.found.values():
            if tensor.spec.again:
                first = self.found[tensor.spec.again]
                assert (tensor.shape, tensor.format, tensor.role) == (first.shape, first.format, first.role)
                for part, expected in zip(tensor.value, first.value, strict=True):
                    np.testing.assert_array_equal(np.asarray(part), np.asarray(expected), err_msg=tensor.name)


def _around(network, *brackets):
    """The network with ``recompute`` around ranges of layers of its outermost list, the inner ranges first."""
    layers = list(network.layers)
    for start, stop in brackets:
        names = "-".join(layer.name for layer in layers[start:stop])
        layers[start:stop] = [Recompute(name=f"({names})", body=layers[start:stop])]
    return Network(layers, network.input_shape, network.classes)


def _nested(network):
    """All layers in one, and all but the first in another inside of it."""
    return _around(network, (1, len(network.layers)), (0, 2))


def _trained(network, recipe, batches, kernels=None, optimizer=OPTIMIZER):
    """All that a training leaves: state, scales, losses, what was observed, and the last step's Program."""
    state, scales = initial_state(network.trace(recipe, optimizer, 4).parameters, 5), ScaleState()
    machine, seen = Twice(recipe, state, seed=1, scales=scales, kernels=kernels, check=True), []
    for step, (inputs, labels) in enumerate(batches):
        machine.begin_step(step, training=True, learning_rate=0.1)
        machine.context.observation = Observation()
        loss = network.train_step(machine, optimizer, inputs, labels, len(inputs)).loss
        machine.compare()
        seen.append((loss.data.tobytes(), _without_numbers(machine.context.observation)))
    return {name: value.tobytes() for name, value in state.items()}, scales, seen, machine.program


def _without_numbers(seen):
    """What was observed, but for the running numbers of tensors, which those made again have among them."""
    lost = [(name, found.layer, found.statistics) for name, found in seen.found.items()]
    return lost, seen.gradient_power, seen.weight_power


def _batches(network, rng, steps=STEPS):
    shape = network.input_shape
    for _ in range(steps):
        if len(shape) == 1:
            tokens, labels = rng.integers(0, network.classes, size=(2, 4, *shape)).astype(np.uint16)
            yield tokens, labels
        else:
            images = rng.normal(size=(4, *shape)).astype(np.float32)
            yield images, rng.integers(0, network.classes, size=4).astype(np.uint16)


def _recipe(root, machine):
    hwconfig, changes = MACHINES[machine]
    return load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", changes).recipe()


def _assert_same_bits(plain, again, recipe, batches, kernels=lambda: None, optimizer=OPTIMIZER):
    one, other = (_trained(network, recipe, batches, kernels(), optimizer) for network in (plain, again))
    assert one[:3] == other[:3]
    return one[3], other[3]


def test_every_layer(network, root, rng):
    _assert_same_bits(network, _nested(network), _recipe(root, "delayed"), list(_batches(network, rng, 3)))


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kernels", [NumpyKernels, CompiledKernels], ids=["numpy", "compiled"])
def test_every_layer_on_every_machine(network, machine, kernels, root, rng):
    batches, optimizer = list(_batches(network, rng)), ADAMW if machine.startswith("fp") else OPTIMIZER
    _assert_same_bits(network, _nested(network), _recipe(root, machine), batches, kernels, optimizer)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine(machine, root, rng):
    network = Network([parse_layer(layer) for layer in LAYERS], (6, 6, 2), 3)
    again = _around(network, (4, 6), (1, 6))
    _assert_same_bits(network, again, _recipe(root, machine), list(_batches(network, rng)))


LAYERS = [
    {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}},
    "batch_norm",
    "relu",
    {"residual": {"body": [{"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}, "batch_norm"]}},
    "relu",
    {"dropout": {"rate": 0.3}},
    {"max_pool2d": {"kernel": 2}},
    "tokens",
    "class_token",
    {"residual": {"body": ["layer_norm", {"multi_head_attention": {"heads": 2}}, "gelu"]}},
    "flatten",
    {"linear": {"units": 3}},
]
RANGE = st.tuples(st.integers(0, len(LAYERS) - 1), st.integers(1, len(LAYERS)))


@pytest.fixture(scope="module")
def plain_training(root):
    network = Network([parse_layer(layer) for layer in LAYERS], (6, 6, 2), 3)
    batches = list(_batches(network, np.random.Generator(np.random.PCG64(3)), 3))
    return network, batches, _trained(network, _recipe(root, "delayed"), batches)[:3]


@settings(deadline=None, max_examples=6)
@given(st.lists(RANGE, min_size=1, max_size=4))
def test_any_brackets(root, plain_training, ranges):
    """Wherever the layers are cut, and however often one stands inside another."""
    network, batches, expected = plain_training
    again = network
    for start, length in ranges:
        again = _around(again, (start % len(again.layers), start % len(again.layers) + length))
    assert _trained(again, _recipe(root, "delayed"), batches)[:3] == expected


def _describes(operation):
    kept = {key: value for key, value in operation.attributes.items() if key != "one_pass"}
    return operation.opcode, operation.unit, operation.layer, operation.gemms, operation.work, str(kept)


def test_the_calls_are_those_of_the_forward_pass(network, int8_machine):
    program = _nested(network).trace(int8_machine.recipe(), OPTIMIZER, 4).program
    plain = network.trace(int8_machine.recipe(), OPTIMIZER, 4).program
    first = Counter(_describes(op) for op in program.operations if op.phase is Phase.FORWARD)
    again = Counter(_describes(op) for op in program.operations if op.phase is Phase.RECOMPUTE)
    assert again
    # Once for each recompute layer that a layer stands in.
    assert all(count <= _depth(_nested(network).layers) * first[call] for call, count in again.items())
    assert _others(program) == _others(plain)
    assert Program.from_json(program.to_json()) == program
    made, used = {}, {i for op in program.operations for i in op.inputs}
    for op in program.operations:
        assert all(i in made for i in op.after)
        assert (op.phase is Phase.RECOMPUTE) == bool(op.after)
        assert op.phase is not Phase.RECOMPUTE or used.intersection(op.outputs), op.name
        made.update(dict.fromkeys(op.outputs, op.index))


def _others(program):
    return [_describes(op) for op in program.operations if op.phase is not Phase.RECOMPUTE]


def _depth(layers):
    """Most recompute layers around one."""
    inner = [(layer.kind == "recompute") + max(map(_depth, layer.children()), default=0) for layer in layers]
    return max(inner, default=0)


def _names(program, phase):
    return [f"{op.layer} {op.opcode}" for op in program.operations if op.phase is phase]


def test_what_is_kept_and_what_nobody_reads(int8_machine):
    """Once more: no conversion of the input, no running statistics, no weights, nothing that the backward doesn't read;
    what layers behind keep for themselves (relu1.output) serves the backward, too."""
    layers = [
        {"conv2d": {"filters": 4, "kernel": 3, "bias": False}},
        {"recompute": {"body": ["batch_norm", {"conv2d": {"filters": 4, "kernel": 3, "bias": False}}, "relu"]}},
        "flatten",
        {"linear": {"units": 3}},
    ]
    network = Network([parse_layer(layer) for layer in layers], (6, 6, 2), 3)
    program = network.trace(int8_machine.recipe(), OPTIMIZER, 4).program
    assert _names(program, Phase.RECOMPUTE) == [
        "batch_norm1 reduce_mean",
        "batch_norm1 reduce_range",
        "batch_norm1 normalise",
        "conv2d2 requantise",
    ]


def test_an_evaluation_does_nothing_twice(network, int8_machine):
    programs = []
    for each in (network, _nested(network)):
        tracer = Tracer(int8_machine.recipe())
        tracer.begin(training=False)
        each.forward(tracer, None, None, 4)
        programs.append(tracer.program.to_json())
    assert programs[0] == programs[1]


def test_one_inside_another_does_its_work_a_third_time(int8_machine):
    """The outer one goes through the inner one to what lies behind, and keeps no more of it than its input."""
    conv = {"conv2d": {"filters": 4, "kernel": 3, "padding": 1, "bias": False}}
    body = [conv, {"recompute": {"body": ["batch_norm", "relu", conv]}}, "batch_norm"]
    network = Network([parse_layer(layer) for layer in [{"recompute": {"body": body}}, *LAYERS[-2:]]], (6, 6, 2), 3)
    program = network.trace(int8_machine.recipe(), OPTIMIZER, 4).program
    inner = ["batch_norm1 reduce_mean", "batch_norm1 reduce_range", "batch_norm1 normalise", "relu1 requantise"]
    inner += ["relu1 relu"]
    outer = ["conv2d1 conv2d", "batch_norm1 requantise", *inner, "conv2d2 conv2d"]
    outer += [f"batch_norm2 {opcode}" for opcode in ("requantise", "reduce_mean", "reduce_range")]
    assert _names(program, Phase.RECOMPUTE) == [*outer, *inner]


class Counting:
    """Counts the operations that it is shown, by phase."""

    def __init__(self):
        self.phases = Counter()

    def see(self, xp, op, inputs, outputs, values):
        self.phases[op.phase] += 1


def test_nobody_looks_at_what_is_made_again(int8_machine, rng):
    network = _nested(Network([parse_layer(layer) for layer in LAYERS], (6, 6, 2), 3))
    recipe = int8_machine.recipe()
    machine = Datapath(recipe, initial_state(network.trace(recipe, OPTIMIZER, 4).parameters, 5), seed=1)
    for step, (images, labels) in enumerate(_batches(network, rng, 3)):
        machine.begin_step(step, training=True, learning_rate=0.1)
        machine.context.watcher = Counting()
        network.train_step(machine, OPTIMIZER, images, labels, 4)
        expected = Counter(op.phase for op in machine.program.operations)
        assert expected.pop(Phase.RECOMPUTE)
        assert machine.context.watcher.phases == expected
