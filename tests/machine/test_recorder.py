"""A replayed Program is the one that would have been recorded anew, whatever the steps before were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import Datapath, ScaleState
from accelsim.formats import Role, integer
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine.recorder import Call, Output, Recorder
from accelsim.networks import Network
from accelsim.program import Phase, Unit
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
STEPS = [(8, True), (8, True), (5, True), (5, False), (8, False), (8, True), (8, True)]
"""Batch, and whether it trains: last batches are smaller, and evaluations come between."""


@pytest.fixture(scope="module")
def network():
    return Network([parse_layer(layer) for layer in LAYERS], (6, 6, 2), 3)


def _run(network, machine, batch, training, images=None, labels=None):
    if training:
        network.train_step(machine, OPTIMIZER, images, labels, batch)
    else:
        network.forward(machine, images, labels, batch)
    return machine.program


@pytest.mark.parametrize("settings", ["int8_machine", "fp32_machine"])
def test_programs_of_changing_steps(network, settings, request):
    recipe = request.getfixturevalue(settings).recipe()
    one, kept = Tracer(recipe), []
    for batch, training in STEPS:
        one.begin(training=training)
        fresh = Tracer(recipe)
        fresh.begin(training=training)
        expected = _run(network, fresh, batch, training)
        kept.append((_run(network, one, batch, training), expected))
    for found, expected in kept:
        assert found.to_json() == expected.to_json()


def test_an_equal_step_makes_no_new_records(network, int8_machine):
    tracer, programs = Tracer(int8_machine.recipe()), []
    for _ in range(2):
        tracer.begin()
        programs.append(_run(network, tracer, 8, True))
    first, second = programs
    assert first is not second
    assert all(a is b for a, b in zip(first.operations, second.operations, strict=True))
    assert all(a is b for a, b in zip(first.tensors, second.tensors, strict=True))


def test_training_among_evaluations_gives_the_bits_of_new_machines(network, int8_machine, rng):
    recipe = int8_machine.recipe()
    parameters = network.trace(recipe, OPTIMIZER, 8).parameters
    states, scales = [initial_state(parameters, 3) for _ in range(2)], [ScaleState(), ScaleState()]
    kept = Datapath(recipe, states[0], seed=9, scales=scales[0])
    for step, (batch, training) in enumerate(STEPS):
        images = rng.normal(size=(batch, *network.input_shape)).astype(np.float32)
        labels = rng.integers(0, 3, size=batch).astype(np.uint16)
        fresh = Datapath(recipe, states[1], seed=9, scales=scales[1])
        for machine in (kept, fresh):
            machine.begin_step(step, training=training, learning_rate=0.05)
            _run(network, machine, batch, training, images, labels)
        assert kept.program == fresh.program
    assert scales[0] == scales[1]
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)


OUTPUTS = st.builds(
    Output,
    st.sampled_from(["x", "y"]),
    st.sampled_from([(2, 3), (4,)]),
    st.sampled_from([integer(8), integer(32)]),
    st.sampled_from([Role.ACTIVATION, Role.INTERNAL]),
)
OPERATIONS = st.builds(
    Call,
    st.sampled_from(["relu", "add"]),
    st.just(Unit.VECTOR),
    st.sampled_from(["", "x", "a"]),
    st.just(Phase.FORWARD),
    st.sampled_from([(), (0,), (0, 1)]),
    st.lists(OUTPUTS, max_size=2).map(tuple),
    st.sampled_from([(), (0,)]),
    st.just(()),
    st.none(),
    st.sampled_from([{}, {"maximum": 6.0}]),
)
CALLS = st.lists(st.one_of(OPERATIONS, st.tuples(OUTPUTS, st.booleans())), max_size=6)


def _record(recorder, calls):
    recorder.begin()
    for call in calls:
        if isinstance(call, Call):
            recorder.operation(call)
        else:
            recorder.tensor(call[0], persistent=call[1])
    return recorder.program


@settings(deadline=None)
@given(st.lists(CALLS, max_size=4))
def test_any_calls_after_any_others(steps):
    """Names that several tensors ask for are told apart by all calls of the step, replayed or not."""
    recorder = Recorder()
    for calls in (calls for step in steps for calls in (step, step[:-1], step)):
        program = _record(recorder, calls)
        assert program == _record(Recorder(), calls)
        names = [tensor.name for tensor in program.tensors]
        assert [tensor.index for tensor in program.tensors] == list(range(len(names)))
