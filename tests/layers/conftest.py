"""Small networks that between them use every kind of layer; a new layer joins by one entry."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.training import initial_state

CLASSES = 3
INPUT = (6, 6, 2)

STEM = [{"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}]
HEAD = ["flatten", {"linear": {"units": CLASSES}}]
CASES: dict[str, list[object]] = {
    "conv2d": STEM + HEAD,
    "conv2d strided": [*STEM, {"conv2d": {"filters": 3, "kernel": 3, "stride": 2, "padding": 1}}, *HEAD],
    "conv2d stride beyond kernel": [*STEM, {"conv2d": {"filters": 3, "kernel": 1, "stride": 2, "bias": False}}, *HEAD],
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
    "relu": [*STEM, "relu", *HEAD],
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
}


@pytest.fixture(params=CASES)
def network(request: pytest.FixtureRequest) -> Network:
    return Network([parse_layer(layer) for layer in CASES[request.param]], INPUT, CLASSES)


@pytest.fixture
def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
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
    return [Network([parse_layer(layer) for layer in layers], INPUT, CLASSES) for layers in CASES.values()]
