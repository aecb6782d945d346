"""RMS norm written out, as models before opset 23 have it."""

from __future__ import annotations

from itertools import islice

import numpy as np

from accelsim.networks.importers.onnx.context import Context, Step, Values
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.norms import EPSILON, note_epsilon
from accelsim.networks.importers.onnx.region import run_region
from accelsim.networks.importers.onnx.stream import Stream

PARTS = {"Pow", "Mul", "ReduceMean", "Add", "Sqrt", "Reciprocal", "Div", "Cast"}
LARGEST_NECKS = 5
SIZE = 100.0
"""Of the numbers that it is tried on: so large that epsilon doesn't count."""
TOLERANCE = 1e-3
SMALL = 1e-3
"""Of the number that epsilon is read from."""


def find_rms_norm(context: Context, stream: Stream, nodes: list[Node]) -> Step | None:
    """The RMS norm over the channels that starts at ``stream``, its gain included, if one does."""
    users = [node for node in nodes if stream.name in node.inputs]
    if not stream.channels_last or any(node.op not in PARTS for node in users):
        return None
    for neck in reversed(list(islice(context.graph.necks(stream.name, nodes), LARGEST_NECKS))):
        inside = context.graph.between(stream.name, neck)
        ops = [node.op for node in inside]
        if set(ops) <= PARTS and ops.count("ReduceMean") == 1:
            step = _proven(context, stream, inside, neck)
            if step:
                return step
    return None


def _proven(context: Context, stream: Stream, inside: list[Node], neck: str) -> Step | None:
    constants, channels = context.graph.constants, stream.shape[-1]
    gains = [(node, name) for node in inside for name in node.inputs if name in constants and constants[name].size > 1]
    if len(gains) > 1 or any(constants[name].size != channels for _, name in gains):
        return None
    random = np.random.default_rng(0)
    x = (SIZE * random.standard_normal(stream.shape)).astype(np.float32)
    drawn = {name: random.standard_normal(constants[name].shape).astype(np.float32) for _, name in gains}
    with np.errstate(all="ignore"):
        found = run_region(context.graph, inside, {stream.name: x}, [neck], drawn)
    expected = x / np.sqrt(np.square(x).mean(axis=-1, keepdims=True))
    for value in drawn.values():
        expected = expected * value
    if found is None or found[0].shape != expected.shape or not np.abs(found[0] - expected).max() < TOLERANCE:
        return None
    gamma = constants[gains[0][1]].reshape(-1) if gains else np.ones(channels, np.float32)
    values = {"gamma": gamma if stream.order is None else gamma[stream.order]}
    note_epsilon(context, _epsilon(context, stream, inside, neck, drawn))
    node = gains[0][0] if gains else inside[-1]
    return Step([context.layer(node, "rms_norm", {}, values)], stream.named(neck))


def _epsilon(context: Context, stream: Stream, inside: list[Node], neck: str, drawn: Values) -> float:
    """From what becomes of a small number: small / sqrt(small^2 + epsilon)."""
    x, ones = np.full(stream.shape, SMALL, np.float32), {name: np.ones_like(value) for name, value in drawn.items()}
    found = run_region(context.graph, inside, {stream.name: x}, [neck], ones)
    return EPSILON if found is None else SMALL**2 * (1 / float(found[0].flat[0]) ** 2 - 1)
