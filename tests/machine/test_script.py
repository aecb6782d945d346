"""A repeated step is the one that its layers would have issued, whatever the steps before were."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from accelsim.datapath import Datapath, NumpyKernels, Observation, ScaleState
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.errors import InternalError
from accelsim.formats import FP32, Role, integer
from accelsim.layers import Sgd
from accelsim.layers.conv2d import Conv2d
from accelsim.layers.layer import parse_layer
from accelsim.machine import Parameter, Tensor, Value
from accelsim.machine.issue import SCRIPTS
from accelsim.networks import Network
from accelsim.program import Phase
from accelsim.tracing import Tracer
from accelsim.training import initial_state

OPTIMIZER = Sgd(learning_rate=0.05, weight_decay=1e-4)
LAYERS = [
    {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}},
    "batch_norm",
    "relu",
    "flatten",
    {"linear": {"units": 3}},
]
STEPS = [(8, True), (8, True), (5, True), (5, False), (8, False), (8, True), (5, False), (8, True), (5, False)]
"""Batch, and whether it trains: last batches are smaller, and evaluations come between."""


@pytest.fixture(scope="module")
def network():
    return Network([parse_layer(layer) for layer in LAYERS], (6, 6, 2), 3)


def _run(network, machine, batch, training, images=None, labels=None, optimizer=OPTIMIZER):
    if training:
        return network.train_step(machine, optimizer, images, labels, batch)
    return network.forward(machine, images, labels, batch)


@pytest.mark.parametrize("settings", ["int8_machine", "fp32_machine"])
def test_programs_of_changing_steps(network, settings, request):
    recipe = request.getfixturevalue(settings).recipe()
    one, kept = Tracer(recipe), []
    for batch, training in STEPS:
        one.begin(training=training)
        fresh = Tracer(recipe)
        fresh.begin(training=training)
        _run(network, one, batch, training)
        _run(network, fresh, batch, training)
        kept.append((one.program, fresh.program))
    for found, expected in kept:
        assert found.to_json() == expected.to_json()


@pytest.mark.parametrize("settings", ["int8_machine", "fp32_machine"])
@pytest.mark.parametrize("kernels", [NumpyKernels, lambda: CompiledKernels(2, grain=64)], ids=["numpy", "compiled"])
def test_training_among_evaluations_gives_the_bits_of_new_machines(network, settings, kernels, request, rng):
    recipe = request.getfixturevalue(settings).recipe()
    parameters = network.trace(recipe, OPTIMIZER, 8).parameters
    states, scales = [initial_state(parameters, 3) for _ in range(2)], [ScaleState(), ScaleState()]
    kept = Datapath(recipe, states[0], seed=9, scales=scales[0], kernels=kernels())
    for step, (batch, training) in enumerate(STEPS):
        images = rng.normal(size=(batch, *network.input_shape)).astype(np.float32)
        labels = rng.integers(0, 3, size=batch).astype(np.uint16)
        fresh, found = Datapath(recipe, states[1], seed=9, scales=scales[1], kernels=kernels()), []
        for machine in (kept, fresh):
            machine.context.observation = Observation()
            machine.begin_step(step, training=training, learning_rate=0.05 / (step + 1))
            found.append(_run(network, machine, batch, training, images, labels))
        assert kept.program == fresh.program
        assert kept.context.observation == fresh.context.observation
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(np.asarray(a.data), np.asarray(b.data))
            assert (a.spec, a.shape, a.scale) == (b.spec, b.shape, b.scale)
    assert scales[0] == scales[1]
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)


def test_layers_are_asked_until_two_steps_were_the_same(network, int8_machine, monkeypatch):
    calls, forward = [], Conv2d.forward
    monkeypatch.setattr(Conv2d, "forward", lambda layer, m, x: (calls.append(layer), forward(layer, m, x))[1])
    tracer, programs = Tracer(int8_machine.recipe()), []
    for _ in range(4):
        tracer.begin()
        _run(network, tracer, 8, True)
        programs.append(tracer.program)
    assert len(calls) == 2
    assert programs[2] is not programs[3]
    assert all(a is b for a, b in zip(programs[1].operations, programs[3].operations, strict=True))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (lambda m, x: m.matmul(x, x), "x/forward/relu, then x/forward/matmul"),
        (lambda m, x: m.relu(m.relu(x)), "1 operations, then 2"),
        (lambda m, x: (m.relu(x), m.parameter(Parameter("more", (4,), Role.WEIGHT)))[0], "other tensors from outside"),
    ],
)
def test_a_layer_that_changes_its_mind_is_found_out(int8_machine, second, message):
    tracer, issued = Tracer(int8_machine.recipe()), []

    def issue():
        x = tracer.external("x", (4, 4), integer(8), Role.INPUT)
        issued.append(x)
        return (tracer.relu(x) if len(issued) == 1 else second(tracer, x),)

    with tracer.scope("x"):
        tracer.repeated(("a step",), {"x": None}, issue)
        tracer.begin()
        with pytest.raises(InternalError, match=f"same shapes issued other calls .*: ({message})"):
            tracer.repeated(("a step",), {"x": None}, issue)


def test_another_optimizer_or_network_is_another_step(network, int8_machine):
    twin = Network([parse_layer(layer) for layer in LAYERS], (6, 6, 2), 3, label_smoothing=0.1)
    plain, found = Sgd(learning_rate=0.05, momentum=0.0), []
    tracer = Tracer(int8_machine.recipe())
    for net, optimizer in [(network, OPTIMIZER), (network, plain), (twin, plain)]:
        expected = Tracer(int8_machine.recipe())
        for machine in (tracer, expected):
            machine.begin()
            _run(net, machine, 4, True, optimizer=optimizer)
        assert tracer.program.to_json() == expected.program.to_json()
        found.append(tracer.program.to_json())
    assert len(set(found)) == 3


def test_what_comes_on_top_of_a_step(network, int8_machine):
    """A machine goes on after a repeated step as after an issued one; a step on top of another is issued anew."""
    tracer, found = Tracer(int8_machine.recipe()), []
    for _ in range(3):
        tracer.begin()
        _run(network, tracer, 4, False)
        known = tracer.parameter(Parameter("linear1.weight", (3, 144), Role.WEIGHT))
        assert known.spec.index != len(tracer.program.tensors) - 1
        with tracer.scope("relu1", Phase.FORWARD):
            tracer.relu(known)
        _run(network, tracer, 4, False)
        found.append(tracer.program.to_json())
    assert found[0] == found[1] == found[2]


def test_few_steps_are_known_by_heart(network, int8_machine):
    tracer = Tracer(int8_machine.recipe())
    for batch in range(2, 2 * SCRIPTS):
        tracer.begin()
        _run(network, tracer, batch, False)
    assert len(tracer._known) == SCRIPTS


def test_a_step_must_be_given_what_it_asks_for(int8_machine):
    tracer = Tracer(int8_machine.recipe())
    with pytest.raises(InternalError, match=r"asks for \['x'\], but is given \['y'\]"):
        tracer.repeated(("a step",), {"y": None}, lambda: (tracer.external("x", (2,), FP32, Role.INPUT),))


class Codes(np.ndarray):
    """An array that can be watched."""


def test_every_tensor_is_let_go_after_its_last_use(network, int8_machine):
    tracer = Tracer(int8_machine.recipe())
    _run(network, tracer, 4, True)
    ((_, script, _),) = tracer._known
    program, alive = tracer.program, {}
    last = program.last_uses()

    def value(spec):
        codes = np.zeros(spec.shape, dtype=np.int8).view(Codes)
        alive[spec.index] = weakref.ref(codes)
        return Value(codes)

    def execute(operation, inputs, outputs):
        held = {index for index, codes in alive.items() if codes() is not None}
        spent = {index for index in held if last.get(index, -1) < operation.index}
        assert spent <= left, operation.name
        del inputs
        return [value(spec) for spec in outputs]

    left = {tensor.spec.index for tensor in script.run(_start(script, value), lambda o, i, s: [value(x) for x in s])}
    alive.clear()
    kept = script.run(_start(script, value), execute)
    assert {tensor.spec.index for tensor in kept} == left
    assert len(left) == 2


def _start(script, value):
    specs = [spec for _, spec in (*script.externals, *script.persistent)]
    return (Tensor(spec, spec.shape, value(spec)) for spec in specs)
