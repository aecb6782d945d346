"""Layers with formats of their own: both interpreters see the same, and each tensor has the rule of its reader."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath, ScaleState
from accelsim.errors import InternalError
from accelsim.formats import FP32, LayerRules, Role, TensorRule, float_recipe, format_by_name, integer
from accelsim.hardware import HardwareConfig
from accelsim.layers import LAYERS, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.networks.layer_numerics import UnmatchedLayerError
from accelsim.timing import passes, simulate
from accelsim.tracing import Tracer

OPTIMIZER = Sgd(learning_rate=0.05)
OTHERWISE = {
    "int8_range_bn": {
        "weight": "int5",
        "activation": {"format": "uint6", "affine": True, "rounding": "stochastic", "random_bits": 4},
        "activation_weight_gradient": {"format": "int7", "scale": "delayed"},
        "layer_gradient_data_path": {"format": "int10", "scale_form": "power_of_two"},
        "layer_gradient_weight_path": "int9",
        "layer_gradient_norm": "int12",
        "weight_gradient": "bf16",
        "bias": "int24",
        "norm_parameter": "int8",
    },
    "fp8_hybrid": {
        "weight": "bf16",
        "activation": {"format": "fp16", "rounding": "stochastic"},
        "layer_gradient_data_path": "mxfp8_e5m2",
        "layer_gradient_weight_path": "bf16",
        "layer_gradient_norm": "fp32",
        "weight_gradient": "fp16",
        "norm_parameter": "bf16",
    },
}
"""Roles given anew, of two machines."""
LAYERS_OF_ALL_KINDS = [
    {"conv2d": {"filters": 5, "kernel": 3, "padding": 1}},
    "batch_norm",
    "relu",
    {"residual": {"body": [{"conv2d": {"filters": 5, "kernel": 3, "padding": 1, "bias": False}}, "batch_norm"]}},
    {"relu": {"maximum": 0.9}},
    {"dropout": {"rate": 0.1}},
    {"max_pool2d": {"kernel": 2}},
    "flatten",
    {"linear": {"units": 3}},
]


CONV = {"conv2d": {"filters": 3, "kernel": 3}}


def changed(hw, roles=None, layers=None) -> HardwareConfig:
    """``hw`` with roles of its numerics and entries for layers set."""
    raw = hw.model_dump()
    raw["numerics"] |= {**(roles or {}), "layers": layers}
    return HardwareConfig.model_validate(raw)


def entry(match, **roles):
    return {"match": match, **roles}


def trained(network, recipe, state, images, labels, kernels=None, steps=2):
    """State and quantisers' memory after some steps, whose programs are the traced one."""
    fitted, batch = network.fitted(recipe), len(labels)
    traced = network.trace(recipe, OPTIMIZER, batch)
    state, scales = {name: value.copy() for name, value in state.items()}, ScaleState()
    machine = Datapath(fitted, state, seed=1, scales=scales, kernels=kernels, check=kernels is None)
    for step in range(steps):
        machine.begin_step(step, training=True, learning_rate=0.05)
        network.train_step(machine, OPTIMIZER, images, labels, batch)
        assert machine.program.operations == traced.program.operations
        assert machine.program.tensors == traced.program.tensors
    return {name: value.tobytes() for name, value in state.items()}, scales


@pytest.mark.parametrize("name", OTHERWISE)
def test_all_layers_alike_are_the_machine(load, network, batch, draw_state, name):
    """An entry for every layer, and the same roles of the machine: the same bits of a training, the same cycles."""
    plain = load(name)
    images = batch[0].astype(np.float32) if batch[0].dtype.kind == "f" else batch[0]
    as_machine, by_layer = changed(plain, OTHERWISE[name]), changed(plain, None, [entry("*", **OTHERWISE[name])])
    state = draw_state(network.trace(plain.recipe(), OPTIMIZER, 8).parameters)
    found = [trained(network, hw.recipe(), state, images, batch[1]) for hw in (as_machine, by_layer)]
    assert found[0] == found[1]
    programs = [network.trace(hw.recipe(), OPTIMIZER, 8).program for hw in (as_machine, by_layer)]
    assert programs[0] == programs[1]
    if network.input_shape != (7,):
        cycles = [simulate(programs[0], hw).total_cycles for hw in (as_machine, by_layer)]
        assert cycles[0] == cycles[1]


@pytest.mark.parametrize("match", ["first", "last", "*norm*", "relu*"])
@pytest.mark.parametrize("name", OTHERWISE)
def test_some_layers(load, rng, draw_state, kernels, name, match):
    """Traced and computed alike, on every backend with the same bits where they are integers."""
    network = Network([parse_layer(layer) for layer in LAYERS_OF_ALL_KINDS], (8, 8, 3), 3)
    hw = changed(load(name), None, [entry(match, **OTHERWISE[name])])
    images, labels = rng.normal(size=(6, 8, 8, 3)).astype(np.float32), rng.integers(0, 3, size=6).astype(np.uint16)
    state = draw_state(network.trace(hw.recipe(), OPTIMIZER, 6).parameters)
    checked = trained(network, hw.recipe(), state, images, labels)
    plain = trained(network, load(name).recipe(), state, images, labels)
    assert checked[0] != plain[0]
    if name == "int8_range_bn":
        assert trained(network, hw.recipe(), state, images, labels, kernels) == checked


def formats(network, recipe, role=Role.ACTIVATION):
    """Format of what each layer converts to ``role``."""
    program, found = network.trace(recipe, OPTIMIZER, 4).program, {}
    for operation in program.operations:
        made = program.tensors[operation.outputs[0]]
        if made.role is role and "rounding" in operation.attributes:
            found[operation.layer] = str(made.format)
    return found


def chain(*layers):
    return Network([parse_layer(layer) for layer in layers], (8, 8, 3), 3)


def test_layers_that_hand_on_read_as_the_one_that_they_lead_to(int8_machine):
    """Nothing is rounded to the machine's 4 bits on its way to the last layer's 8."""
    base = changed(int8_machine, {"weight": "int4", "activation": "int4"}, [entry("last", activation="int8")])
    conv = {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}
    network = chain(conv, "relu", conv, "relu", {"max_pool2d": {"kernel": 2}}, "flatten", {"linear": {"units": 3}})
    found = formats(network, base.recipe())
    assert found == {"conv2d1": "int4", "relu1": "int4", "relu2": "int8"}  # and linear1 reads what relu2 made
    told = changed(base, None, [entry("last", activation="int8"), entry("relu2", activation="int6")])
    assert formats(network, told.recipe()) == {
        "conv2d1": "int4",
        "relu1": "int4",
        "relu2": "int6",
        "max_pool2d1": "int8",
    }


def test_a_residual_reads_as_its_body(int8_machine):
    conv = {"conv2d": {"filters": 3, "kernel": 3, "padding": 1}}
    network = chain(
        conv,
        "relu",
        {"residual": {"body": [conv, "relu", conv], "shortcut": [conv]}},
        "flatten",
        {"linear": {"units": 3}},
    )
    hw = changed(int8_machine, None, [entry("conv2d2", activation="int10")])
    assert formats(network, hw.recipe())["relu1"] == "int10"
    # The shortcut's convolution has the machine's format still, and codes of its own.
    assert formats(network, hw.recipe())["conv2d4"] == "int8"


def test_a_gated_product_reads_for_its_branches_and_multiplies_for_itself(int8_machine):
    """Its input has the format of the gate's first layer; operands, and what leads to them, that of the product."""
    conv = {"conv2d": {"filters": 3, "kernel": 1}}
    gated = {"gated": {"gate": [conv, "silu"], "value": [conv]}}
    network = chain(conv, "relu", gated, "flatten", {"linear": {"units": 3}})
    inside = entry("conv2d[23]", activation="int10")
    assert formats(network, changed(int8_machine, None, [inside]).recipe()) == {
        "conv2d1": "int8",
        "relu1": "int10",
        "silu1": "int8",
        "gated1.product": "int8",
        "linear1": "int8",
    }
    own = changed(int8_machine, None, [entry("gated1", activation="int12", layer_gradient_data_path="int9"), inside])
    found = formats(network, own.recipe())
    assert (found["relu1"], found["conv2d2"], found["gated1.product"]) == ("int12", "int10", "int12")
    assert formats(network, own.recipe(), Role.GRADIENT_DATA)["gated1.product"] == "int9"


def test_a_layer_stands_for_those_inside(int8_machine):
    conv = {"conv2d": {"filters": 3, "kernel": 3, "padding": 1}}
    network = chain(
        conv,
        {"repeat": {"times": 2, "body": [conv, {"residual": {"body": [conv]}}]}},
        "flatten",
        "relu",
        {"linear": {"units": 3}},
    )
    hw = changed(int8_machine, None, [entry("repeat1", weight="int4"), entry("residual2", weight="int6")])
    found = formats(network, hw.recipe(), Role.WEIGHT)
    assert found == {
        "conv2d1": "int8",
        "conv2d2": "int4",
        "conv2d3": "int4",
        "conv2d4": "int4",
        "conv2d5": "int6",
        "linear1": "int8",
    }


def test_the_last_entry_holds_role_by_role(int8_machine):
    network = chain({"conv2d": {"filters": 3, "kernel": 3}}, "flatten", {"linear": {"units": 3}})
    entries = [
        entry("*", weight="int4", bias="int16"),
        entry("first", weight="int6"),
        entry("conv*", activation="int5"),
    ]
    rules = network.fitted(changed(int8_machine, None, entries).recipe()).of("conv2d1")
    found = [str(rules[role].format) for role in (Role.WEIGHT, Role.BIAS, Role.ACTIVATION)]
    assert found == ["int6", "int16", "int5"]
    # What backward reads follows what forward reads there, unless the file sets it.
    assert str(rules[Role.WEIGHT_BACKWARD].format) == "int6"
    fixed = changed(int8_machine, {"weight_data_gradient": "int7"}, entries)
    assert str(network.fitted(fixed.recipe()).of("conv2d1")[Role.WEIGHT_BACKWARD].format) == "int7"
    backward_first = [entry("*", weight_data_gradient="int3"), entry("first", weight="int6")]
    rules = network.fitted(changed(int8_machine, None, backward_first).recipe()).of("conv2d1")
    assert str(rules[Role.WEIGHT_BACKWARD].format) == "int3"


NAMES = ["conv2d1", "conv2d2", "linear1"]
PATTERNS = {
    "first": {0},
    "last": {2},
    "*": {0, 1, 2},
    "conv2d?": {0, 1},
    "*1": {0, 2},
    "linear1": {2},
    "conv2d[2-9]": {1},
}


@given(st.lists(st.tuples(st.lists(st.sampled_from(list(PATTERNS)), min_size=1), st.integers(2, 16)), max_size=5))
def test_any_entries_of_one_role(entries):
    """Of all entries with a pattern for the layer, the last one; else the machine's."""
    network, rule = chain(CONV, CONV, "flatten", {"linear": {"units": 3}}), TensorRule(format_by_name("int8"))
    rules = dict.fromkeys(Role, rule)
    own = [LayerRules(tuple(match), {Role.WEIGHT: TensorRule(integer(bits))}) for match, bits in entries]
    recipe = replace(float_recipe(FP32), rules=rules, layers=tuple(own))
    fitted = network.fitted(recipe)
    for number, name in enumerate(NAMES):
        matching = [bits for match, bits in entries if any(number in PATTERNS[pattern] for pattern in match)]
        assert fitted.of(name)[Role.WEIGHT].format == integer((matching or [8])[-1])


def test_codes_of_another_form_are_made_anew(int8_machine):
    """The same format, but a zero point: the product asked for codes without, and dropout for scales of any size."""
    network = chain({"conv2d": {"filters": 3, "kernel": 3}}, "relu", "flatten", {"linear": {"units": 3}})
    affine = {"format": "int8", "affine": True}
    made = formats(network, changed(int8_machine, None, [entry("relu1", activation=affine)]).recipe())
    assert "linear1" in made
    rounded = {"format": "int8", "rounding": "stochastic", "random_bits": 4}
    assert "linear1" not in formats(network, changed(int8_machine, None, [entry("relu1", activation=rounded)]).recipe())


def test_incoming_gradients_follow_their_layer(int8_machine):
    """Two readers of one gradient share a copy where their rules are equal, and only there."""
    conv = {"conv2d": {"filters": 3, "kernel": 1}}
    network = chain(conv, {"residual": {"body": [conv], "shortcut": [conv]}}, "flatten", {"linear": {"units": 3}})
    role, name = Role.GRADIENT_DATA, "layer_gradient_data_path"
    assert formats(network, int8_machine.recipe(), role).keys() == {"conv2d2", "linear1"}
    own = formats(network, changed(int8_machine, None, [entry("conv2d3", **{name: "int6"})]).recipe(), role)
    assert (own["conv2d2"], own["conv2d3"]) == ("int8", "int6")
    program = network.trace(int8_machine.recipe(), OPTIMIZER, 4).program
    other = network.trace(
        changed(int8_machine, None, [entry("conv2d3", **{name: "int6"})]).recipe(), OPTIMIZER, 4
    ).program
    assert len(other.operations) == len(program.operations) + 1


def test_shared_tables(int8_machine, batch, draw_state):
    """A table that an embedding and the scores share has the codes of the scores, and one sum of gradients."""
    layers = [
        {"embedding": {"name": "table", "vocabulary": 3, "width": 6}},
        {"multi_head_attention": {"heads": 2}},
        {"unembedding": {"embedding": "table", "units": 3}},
    ]
    network = Network([parse_layer(layer) for layer in layers], (7,), 3)
    tokens = np.zeros((8, 7), dtype=np.uint16)
    hw = changed(int8_machine, None, [entry("last", weight="int4", weight_gradient="bf16")])
    state = draw_state(network.trace(hw.recipe(), OPTIMIZER, 8).parameters)
    trained(network, hw.recipe(), state, tokens, tokens % 3)
    assert formats(network, hw.recipe(), Role.WEIGHT)["unembedding1"] == "int4"
    assert network.fitted(changed(int8_machine, None, [entry("first", weight="int4")]).recipe()).by_layer.keys() == {
        "multi_head_attention1",
        *(f"multi_head_attention1.{part}" for part in ("query", "key", "value", "output")),
    }


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ("conv_1", r"numerics.layers.1.match: found 'conv_1', .*\(did you mean 'conv2d1'\?\); .* conv2d1, flatten1"),
        (["linear1", "norm*"], r"found 'norm\*', and no layer is called so"),
        ("Linear1", "did you mean 'linear1'"),
    ],
)
def test_an_entry_without_a_layer(int8_machine, match, said):
    network = chain({"conv2d": {"filters": 3, "kernel": 3}}, "flatten", {"linear": {"units": 3}})
    hw = changed(int8_machine, None, [entry("first", weight="int4"), entry(match, weight="int4")])
    with pytest.raises(UnmatchedLayerError, match=said):
        network.trace(hw.recipe(), OPTIMIZER, 4)


def test_no_machine_takes_a_recipe_that_no_network_fitted(int8_machine):
    recipe = changed(int8_machine, None, [entry("first", weight="int4")]).recipe()
    with pytest.raises(InternalError, match="fitted"):
        Tracer(recipe)
    network = chain({"conv2d": {"filters": 3, "kernel": 3}}, "flatten", {"linear": {"units": 3}})
    once = network.fitted(recipe)
    assert network.fitted(once) == once


def test_an_entry_that_changes_nothing(int8_machine):
    network = chain({"conv2d": {"filters": 3, "kernel": 3}}, "flatten", {"linear": {"units": 3}})
    same = changed(int8_machine, None, [entry("*", weight="int8", activation="int8")]).recipe()
    assert network.fitted(same) == replace(int8_machine.recipe(), layers=())


def test_what_hands_on_has_nothing_of_its_own(all_cases):
    """By the program: such a layer multiplies nothing on the array and reads no parameter."""
    told = set()
    for network in all_cases:
        program = network.trace(float_recipe(FP32), OPTIMIZER, 4).program
        kinds = {layer.name: layer for layer in _all(network.layers)}
        for operation in program.operations:
            layer = kinds.get(operation.layer)
            if layer is not None and layer.hands_on:
                told.add(layer.kind)
                assert not operation.gemms
                assert not any(program.tensors[index].persistent for index in operation.inputs)
    others = {kind for kind, layer in LAYERS.items() if layer.hands_on}
    # These issue nothing themselves.
    assert told == others - {"flatten", "tokens", "repeat", "recompute"}


def _all(layers):
    return [*layers, *(inner for layer in layers for branch in layer.children() for inner in _all(branch))]


@pytest.mark.parametrize("weight", ["int8", "int16"])
def test_wide_operands_of_one_layer_take_passes(int8_machine, weight):
    network = chain({"conv2d": {"filters": 3, "kernel": 3}}, "flatten", {"linear": {"units": 3}})
    hw = changed(int8_machine, None, [entry("linear1", weight=weight)])
    program = network.trace(hw.recipe(), OPTIMIZER, 4).program
    forward = {
        operation.layer: operation for operation in program.operations if operation.opcode in ("conv2d", "matmul")
    }
    slices = {layer: operation.attributes["slices"] for layer, operation in forward.items()}
    assert slices == {"conv2d1": (1, 1), "linear1": (1, format_by_name(weight).bits // 8)}
    expected = {layer: first * second for layer, (first, second) in slices.items()}
    assert {layer: passes(program, operation, hw.mac_array) for layer, operation in forward.items()} == expected
