"""Transformers as wholes: against the textbook's formula, on every family of formats, on both backends."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import Datapath, NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.errors import UserError
from accelsim.formats import FP32, Product, Role, float_recipe
from accelsim.hardware import load_hwconfig
from accelsim.layers import MultiHeadAttention, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.program import Program

BLOCK = [
    {"residual": {"body": ["layer_norm", {"multi_head_attention": {"heads": 2, "causal": True}}]}},
    {"residual": {"body": ["layer_norm", {"linear": {"units": 16}}, "gelu", {"linear": {"units": 8}}]}},
    "layer_norm",
]
PATCHES = [{"conv2d": {"filters": 8, "kernel": 2, "stride": 2}}, "tokens", "class_token", "positional_embedding"]
IMAGES = [*PATCHES, *BLOCK, "select_token", {"linear": {"units": 5}}]
TEXT = [
    {"embedding": {"name": "table", "vocabulary": 5, "width": 8}},
    "positional_embedding",
    *BLOCK,
    {"unembedding": {"embedding": "table", "units": 5}},
]
LLAMA = {"heads": 4, "kv_heads": 2, "causal": True, "bias": False, "rotary": {"base": 10000}}
GATE, VALUE = [{"linear": {"units": 12, "bias": False}}, "silu"], [{"linear": {"units": 12, "bias": False}}]
SWIGLU = [{"gated": {"gate": GATE, "value": VALUE}}, {"linear": {"units": 8, "bias": False}}]
GATED = [
    {"embedding": {"vocabulary": 5, "width": 8}},
    {"residual": {"body": ["layer_norm", {"multi_head_attention": LLAMA}]}},
    {"residual": {"body": ["layer_norm", *SWIGLU]}},
    "layer_norm",
    {"linear": {"units": 5, "bias": False}},
]
"""As LLaMA has them (Touvron et al. 2023, arXiv 2302.13971), and keys that heads share."""
INTEGER_UPDATE = [
    "numerics.master_weight={format: int20, rounding: stochastic}",
    "numerics.optimizer_state=int24",
    "numerics.weight_gradient=int16",
]
MACHINES: dict[str, tuple[str, list[str]]] = {
    "fp32": ("fp32", []),
    "bf16": ("bf16", []),
    "fp8": ("fp8_hybrid", []),
    "mxfp8": ("mxfp8", []),
    "flexpoint": ("flexpoint", []),
    "int8": ("int8_range_bn", []),
    "affine": ("int8_range_bn", ["numerics.activation.format=uint8", "numerics.activation.affine=true"]),
    "int16 activations": ("int8_range_bn", ["numerics.activation=int16"]),
    "integer update": ("int8_range_bn", INTEGER_UPDATE),
    "saturating": ("int8_range_bn", ["mac_array.overflow=saturate"]),
    "scales known ahead": (
        "int8_range_bn",
        ["numerics.activation.scale=delayed", "numerics.layer_gradient_data_path.scale=running"],
    ),
    "bf16 accumulators": (
        "fp8_hybrid",
        ["numerics.weight_gradient=bf16", *(f"mac_array.accumulators.{product}=bf16" for product in Product)],
    ),
}
OPTIMIZER = Sgd(learning_rate=0.05)


NETWORKS = {"images": (IMAGES, False), "text": (TEXT, True), "gated": (GATED, True)}
every_network = pytest.mark.parametrize(("layers", "text"), NETWORKS.values(), ids=NETWORKS)


def _network(text, layers=None):
    layers = layers or (TEXT if text else IMAGES)
    return Network([parse_layer(layer) for layer in layers], (6,) if text else (6, 6, 2), 5)


def _batch(rng, text):
    if text:
        tokens = rng.integers(0, 5, size=(4, 6)).astype(np.uint16)
        return tokens, (tokens + 1) % 5
    return rng.normal(size=(4, 6, 6, 2)).astype(np.float32), rng.integers(0, 5, size=4).astype(np.uint16)


@every_network
@pytest.mark.parametrize("name", MACHINES)
def test_training_steps(root, rng, draw_state, name, layers, text):
    """Traced and computed alike, values on their format's grid, and learning."""
    hwconfig, settings = MACHINES[name]
    recipe, network = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", settings).recipe(), _network(text, layers)
    traced, batch, losses = network.trace(recipe, OPTIMIZER, 4), _batch(rng, text), []
    machine = Datapath(recipe, draw_state(traced.parameters), seed=1, check=True)
    for step in range(12):
        machine.begin_step(step, training=True, learning_rate=0.05)
        losses.append(float(network.train_step(machine, OPTIMIZER, *batch, 4).loss.data[0]))
        assert machine.program.operations == traced.program.operations
        assert machine.program.tensors == traced.program.tensors
    assert min(losses[-3:]) < losses[0]
    assert Program.from_json(traced.program.to_json()) == traced.program


@every_network
@pytest.mark.parametrize("name", ["int8", "affine", "integer update", "mxfp8"])
def test_backends_give_the_same_bits(root, draw_state, name, layers, text):
    hwconfig, settings = MACHINES[name]
    recipe, network = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", settings).recipe(), _network(text, layers)
    parameters, contexts = network.trace(recipe, OPTIMIZER, 4).parameters, []
    for kernels in (NumpyKernels(), CompiledKernels(2, grain=64)):
        rng = np.random.Generator(np.random.PCG64(2))
        machine = Datapath(recipe, draw_state(parameters), seed=1, kernels=kernels)
        for step in range(5):
            machine.begin_step(step, training=True, learning_rate=0.05)
            network.train_step(machine, OPTIMIZER, *_batch(rng, text), 4)
        machine.begin_step(5, training=False)
        network.forward(machine, *_batch(rng, text), 4)
        contexts.append(machine.context)
    assert contexts[0].scales == contexts[1].scales
    for tensor, value in contexts[0].state.items():
        np.testing.assert_array_equal(value, contexts[1].state[tensor], err_msg=tensor)


@pytest.mark.parametrize(
    "fields", [{}, {"causal": True}, {"kv_heads": 1}, {"rotary": {"base": 10}}, {"kv_heads": 1, "rotary": {}}]
)
def test_attention_is_the_published_formula(rng, fields):
    """Each head on its own, in double precision: softmax(Q K^T / sqrt(d)) V, then the output layer."""
    x, recipe = rng.normal(size=(2, 5, 6)).astype(np.float32), float_recipe(FP32)
    layer, causal = MultiHeadAttention(name="a", heads=3, **fields), "causal" in fields
    shared = 2 * fields.get("kv_heads", 3)
    names = {"a.query": (6, 6), "a.key": (shared, 6), "a.value": (shared, 6), "a.output": (6, 6)}
    state = {f"{name}.weight": rng.normal(size=shape).astype(np.float32) for name, shape in names.items()}
    state |= {f"{name}.bias": rng.normal(size=shape[0]).astype(np.float32) for name, shape in names.items()}
    machine = Datapath(recipe, state, seed=1, check=True)
    y, _ = layer.forward(machine, machine.external("x", x.shape, FP32, Role.ACTIVATION, x))
    q, k, v = (x @ state[f"a.{p}.weight"].T + state[f"a.{p}.bias"] for p in ("query", "key", "value"))
    if "rotary" in fields:
        # A head has one pair of channels, which as a complex number turns by a radian a position.
        q, k = ((_complex(each) * np.exp(1j * np.arange(5)[:, None])).view(np.float64) for each in (q, k))
    found = np.zeros((2, 5, 6))
    for n, head in np.ndindex(2, 3):
        at, keys = slice(2 * head, 2 * head + 2), slice(2 * head % shared, 2 * head % shared + 2)
        scores = q[n, :, at] @ k[n, :, keys].T / np.sqrt(2)
        weights = np.exp(np.where(np.tri(5, dtype=bool) | (not causal), scores, -np.inf))
        found[n, :, at] = weights / weights.sum(axis=1, keepdims=True) @ v[n, :, keys]
    expected = found @ state["a.output.weight"].T + state["a.output.bias"]
    np.testing.assert_allclose(y.data, expected, rtol=2e-4, atol=2e-4)


def _complex(pairs):
    return pairs.astype(np.float64)[..., ::2] + 1j * pairs.astype(np.float64)[..., 1::2]


def test_rotary_scores_depend_on_distances_alone(rng):
    """Tokens that are all alike: what a token sees of another follows from how far apart they are."""
    x = np.repeat(rng.normal(size=(1, 1, 8)), 6, axis=1).astype(np.float32)
    layer = MultiHeadAttention(name="a", heads=2, bias=False, rotary={"base": 100})
    names = [f"a.{part}.weight" for part in ("query", "key", "value", "output")]
    state = {name: rng.normal(size=(8, 8)).astype(np.float32) for name in names}
    machine = Datapath(float_recipe(FP32), state, seed=1, check=True)
    softmax, seen = machine.softmax, []
    machine.softmax = lambda scores, **named: (seen.append(scores.data[0]), softmax(scores, **named))[1]
    layer.forward(machine, machine.external("x", x.shape, FP32, Role.ACTIVATION, x))
    (scores,) = seen
    for head, offset in np.ndindex(2, 5):
        along = np.diagonal(scores[head], offset)
        np.testing.assert_allclose(along, along[0], rtol=1e-4, atol=1e-4)
    assert np.abs(np.diff(scores[0, 0])).min() > 1e-3


def test_attention_right_behind_the_images(fp32_machine, int8_machine, rng, draw_state):
    """Nothing before it can learn, so no gradient of the images is made where the machine reads them as they are."""
    layers = ["tokens", {"multi_head_attention": {"heads": 2}}, "mean_token", {"linear": {"units": 5}}]
    network = Network([parse_layer(layer) for layer in layers], (6, 6, 2), 5)
    for hw in (fp32_machine, int8_machine):
        traced = network.trace(hw.recipe(), OPTIMIZER, 4)
        machine = Datapath(hw.recipe(), draw_state(traced.parameters), seed=1, check=True)
        machine.begin_step(0, training=True, learning_rate=0.1)
        assert np.isfinite(network.train_step(machine, OPTIMIZER, *_batch(rng, False), 4).loss.data[0])


def test_a_shared_table_is_updated_once(fp32_machine):
    """By the sum of its two gradients."""
    program = _network(True).trace(fp32_machine.recipe(), OPTIMIZER, 4).program
    shared = [op for op in program.operations if op.phase == "update" and op.opcode == "add"]
    written = [op.outputs[0] for op in program.operations if op.opcode == "sgd"]
    read = [program.tensors[i].name for i in shared[0].inputs]
    assert read == ["unembedding1.weight_product", "table.weight_product"]
    assert len(shared) == 1
    assert len(written) == len(set(written))


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([{"linear": {"units": 5}}], (6,), "takes values, but the network's input is token ids; put embedding"),
        ([{"embedding": {"vocabulary": 5, "width": 4}}], (6, 6, 1), "needs token ids"),
        ([TEXT[0], {"unembedding": {"embedding": "tabel", "units": 5}}], (6,), "did you mean 'table'"),
        ([TEXT[0], {"unembedding": {"embedding": "table", "units": 4}}], (6,), "vocabulary of table is 5"),
        (
            [TEXT[0], {"linear": {"units": 6}}, {"unembedding": {"embedding": "table", "units": 5}}],
            (6,),
            r"shares table\.weight of shape \(5, 8\), but needs it in \(5, 6\)",
        ),
        ([*PATCHES, {"multi_head_attention": {"heads": 3}}], (6, 6, 1), "3 heads, which don't divide the width 8"),
        (
            [*PATCHES, {"multi_head_attention": {"heads": 8, "rotary": {}}}],
            (6, 6, 1),
            "heads of 1 channels, but rotary",
        ),
        ([{"multi_head_attention": {"heads": 3}}], (6, 6, 1), "needs an input of batch, tokens and width"),
        ([*PATCHES, {"select_token": {"position": 10}}], (6, 6, 1), "needs tokens 10 to 10, but its input has 10"),
        ([*TEXT[:1], {"linear": {"units": 4}}], (6,), r"the loss needs \(batch, tokens, 5\)"),
    ],
)
def test_layers_that_do_not_fit_are_refused(fp32_machine, layers, shape, message):
    with pytest.raises(UserError, match=message):
        Network([parse_layer(layer) for layer in layers], shape, 5).trace(fp32_machine.recipe(), OPTIMIZER, 4)
