"""Small networks that between them use every kind of layer; a new layer joins by one entry."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.hardware import load_hwconfig
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.training import initial_state

CLASSES = 3
INPUT = (6, 6, 2)
TEXT = (7,)

STEM = [{"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}]
HEAD = ["flatten", {"linear": {"units": CLASSES}}]
POINTS = {"filters": 3, "kernel": 1}
PATCHES = [{"conv2d": {"filters": 6, "kernel": 2, "stride": 2}}, "tokens"]
ATTENTION = {"multi_head_attention": {"heads": 2}}
CAUSAL = {"multi_head_attention": {"heads": 2, "causal": True}}
ROTARY = {"multi_head_attention": {"heads": 1, "rotary": {"base": 100}}}
GROUPED = {"multi_head_attention": {"heads": 4, "kv_heads": 2, "causal": True, "rotary": {}}}
CASES: dict[str, list[object]] = {
    "conv2d": STEM + HEAD,
    "conv2d strided": [*STEM, {"conv2d": {"filters": 3, "kernel": 3, "stride": 2, "padding": 1}}, *HEAD],
    "conv2d stride beyond kernel": [*STEM, {"conv2d": {"filters": 3, "kernel": 1, "stride": 2, "bias": False}}, *HEAD],
    "conv2d grouped": [*STEM, {"conv2d": {"filters": 6, "kernel": 3, "stride": 2, "padding": 1, "groups": 2}}, *HEAD],
    "conv2d depthwise": [*STEM, {"conv2d": {"filters": 8, "kernel": 3, "padding": 1, "groups": 4}}, *HEAD],
    "linear": [*STEM, "flatten", {"linear": {"units": 5}}, "relu", {"linear": {"units": CLASSES}}],
    "batch_norm deviation": [*STEM, {"batch_norm": {"spread": "deviation"}}, *HEAD],
    "batch_norm range": [*STEM, {"batch_norm": {"spread": "range"}}, *HEAD],
    "batch_norm l1": [*STEM, {"batch_norm": {"spread": "l1"}}, *HEAD],
    "layer_norm deviation": [*STEM, {"layer_norm": {"spread": "deviation"}}, *HEAD],
    "layer_norm range": [*STEM, {"layer_norm": {"spread": "range"}}, *HEAD],
    "layer_norm l1": [*STEM, {"layer_norm": {"spread": "l1"}}, *HEAD],
    "layer_norm all deviation": [*STEM, {"layer_norm": {"axes": "all", "spread": "deviation"}}, *HEAD],
    "layer_norm all range": [*STEM, {"layer_norm": {"axes": "all", "spread": "range"}}, *HEAD],
    "layer_norm features": [*STEM, "flatten", {"linear": {"units": 9}}, "layer_norm", {"linear": {"units": CLASSES}}],
    "rms_norm deviation": [*STEM, {"rms_norm": {"spread": "deviation"}}, *HEAD],
    "rms_norm range": [*STEM, {"rms_norm": {"spread": "range"}}, *HEAD],
    "rms_norm l1": [*STEM, {"rms_norm": {"spread": "l1"}}, *HEAD],
    "rms_norm all": [*STEM, {"rms_norm": {"axes": "all"}}, *HEAD],
    "relu": [*STEM, "relu", *HEAD],
    "relu maximum": [*STEM, {"relu": {"maximum": 0.4}}, *HEAD],
    "dropout": [*STEM, {"dropout": {"rate": 0.3}}, "relu", *HEAD],
    "max_pool2d": [*STEM, {"max_pool2d": {"kernel": 2}}, *HEAD],
    "max_pool2d overlapping": [*STEM, {"max_pool2d": {"kernel": 3, "stride": 2, "padding": 1}}, *HEAD],
    "average_pool2d": [*STEM, {"average_pool2d": {"kernel": 3, "stride": 2}}, *HEAD],
    "global_average_pool": [*STEM, "global_average_pool", {"linear": {"units": CLASSES}}],
    "repeat": [*STEM, {"repeat": {"times": 2, "body": [{"conv2d": {"filters": 4, "kernel": 3}}, "relu"]}}, *HEAD],
    "residual": [*STEM, "relu", {"residual": {"body": [{"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}]}}, *HEAD],
    "residual projected": [
        *STEM,
        "relu",
        {
            "residual": {
                "body": [{"conv2d": {"filters": 6, "kernel": 3, "stride": 2, "padding": 1}}, "batch_norm"],
                "shortcut": [{"conv2d": {"filters": 6, "kernel": 1, "stride": 2}}, "batch_norm"],
            }
        },
        "relu",
        *HEAD,
    ],
    "concat": [
        *STEM,
        {"concat": {"second": ["relu", {"conv2d": {"filters": 3, "kernel": 3, "padding": 1}}]}},
        {"concat": {"first": [{"conv2d": {"filters": 2, "kernel": 1}}], "second": [{"batch_norm": {"spread": "l1"}}]}},
        *HEAD,
    ],
    "gelu": [*STEM, "gelu", *HEAD],
    "silu": [*STEM, "silu", *HEAD],
    "gated": [
        *STEM,
        {"gated": {"gate": [{"conv2d": POINTS}, "silu"], "value": [{"conv2d": POINTS}]}},
        *HEAD,
    ],
    "gated identity": [*STEM, {"gated": {"gate": [{"conv2d": {"filters": 4, "kernel": 1}}]}}, *HEAD],
    "recompute": [
        *STEM,
        {"recompute": {"body": ["batch_norm", "relu", {"conv2d": {"filters": 3, "kernel": 3}}]}},
        *HEAD,
    ],
    "recompute nested": [
        {"recompute": {"body": [*STEM, {"dropout": {"rate": 0.3}}, {"recompute": {"body": ["relu", "batch_norm"]}}]}},
        *HEAD,
    ],
    "tokens": [*STEM, "tokens", {"linear": {"units": 5}}, "mean_token", {"linear": {"units": CLASSES}}],
    "class token": [*PATCHES, "class_token", "positional_embedding", ATTENTION, "select_token", *HEAD[1:]],
    "multi_head_attention": [*PATCHES, {"multi_head_attention": {"heads": 3, "bias": False}}, "mean_token", *HEAD[1:]],
    "causal attention": [*PATCHES, {"residual": {"body": ["layer_norm", CAUSAL]}}, *HEAD],
    "rotary attention": [*PATCHES, {"residual": {"body": [ROTARY]}}, "mean_token", *HEAD[1:]],
    "grouped-query attention": [{"conv2d": {"filters": 8, "kernel": 2, "stride": 2}}, "tokens", GROUPED, *HEAD],
    "embedding": [{"embedding": {"vocabulary": CLASSES, "width": 4}}, "gelu", {"linear": {"units": CLASSES}}],
    "unembedding": [
        {"embedding": {"name": "table", "vocabulary": CLASSES, "width": 6}},
        "positional_embedding",
        {"residual": {"body": [CAUSAL]}},
        {"unembedding": {"embedding": "table", "units": CLASSES}},
    ],
}


def _network(layers: list[object]) -> Network:
    """A network of images, or of texts where it starts with an embedding."""
    parsed = [parse_layer(layer) for layer in layers]
    return Network(parsed, TEXT if parsed[0].kind == "embedding" else INPUT, CLASSES)


@pytest.fixture(params=CASES)
def network(request: pytest.FixtureRequest) -> Network:
    return _network(CASES[request.param])


@pytest.fixture
def batch(rng: np.random.Generator, request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels, or token ids and a label for each where the test's network takes a text."""
    shape = request.getfixturevalue("network").input_shape if "network" in request.fixturenames else INPUT
    if shape == TEXT:
        tokens, labels = rng.integers(0, CLASSES, size=(2, 8, *TEXT)).astype(np.uint16)
        return tokens, labels
    return rng.normal(size=(8, *INPUT)), rng.integers(0, CLASSES, size=8).astype(np.uint16)


@pytest.fixture
def draw_state():
    """Initial state of a traced network, in a chosen precision, moved off its round starting values."""

    def draw(parameters, dtype="float32"):
        moved = np.random.Generator(np.random.PCG64(3))
        state = initial_state(parameters, seed=5)
        return {name: (value + 0.05 * moved.normal(size=value.shape)).astype(dtype) for name, value in state.items()}

    return draw


@pytest.fixture(scope="session")
def all_cases() -> list[Network]:
    return [_network(layers) for layers in CASES.values()]


@pytest.fixture
def recipe_of(root):
    """Recipe of a shipped machine in a cluster of so many, with settings and fields of the cluster."""

    def made(machine, machines, *settings, **fields):
        given = {"machines": machines, "link_bytes_per_s": 1e9, **fields}
        text = ", ".join(f"{name}: {value}" for name, value in given.items())
        return load_hwconfig(root / "hwconfigs" / f"{machine}.yaml", [f"cluster={{{text}}}", *settings]).recipe()

    return made
