"""Element-wise layers, dropout, and the softmax that the loss has already."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.networks.importers.onnx.context import Context, Step, reads
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.stream import Stream

RATE = 0.5
"""Of a Dropout that names none."""
UNLIMITED = 1e30
"""A Clip's maximum from here on is none."""


@reads("Relu")
def relu(context: Context, node: Node, stream: Stream) -> Step:
    """max(x, 0)."""
    return Step([context.plain("relu")], stream.named(node.output))


@reads("Clip")
def clip(context: Context, node: Node, stream: Stream) -> Step:
    """Between 0 and a maximum, as ReLU6 is."""
    low, high = (_number(context, node, place, name) for place, name in ((1, "min"), (2, "max")))
    if low != 0 or (high is not None and high <= 0):
        raise context.error(node, f"limits {low} to {high}; allowed: from 0 to a number above it (ReLU, ReLU6)")
    limits = {} if high is None or high > UNLIMITED else {"maximum": high}
    return Step([context.plain("relu", **limits)], stream.named(node.output))


@reads("Gelu")
def gelu(context: Context, node: Node, stream: Stream) -> Step:
    """In the tanh form, whichever the model has."""
    if node.attributes.get("approximate", b"none") != b"tanh":
        note_exact_gelu(context)
    return Step([context.plain("gelu")], stream.named(node.output))


def note_exact_gelu(context: Context) -> None:
    """Say once that the layer's form differs from the model's."""
    note = "GELU by erf becomes the tanh form, which differs by less than 0.0005"
    if note not in context.notes:
        context.notes.append(note)


@reads("Dropout")
def dropout(context: Context, node: Node, stream: Stream) -> Step:
    """Kept, as the network is to be trained; a rate of zero is nothing."""
    given = _number(context, node, 1, "ratio")
    rate = round(RATE if given is None else given, 6)
    layers = [context.plain("dropout", rate=rate)] if rate else []
    return Step(layers, stream.named(node.output))


@reads("Softmax", "LogSoftmax")
def softmax(context: Context, node: Node, stream: Stream) -> Step:
    """The last node's is part of the loss."""
    if node.output != context.graph.output or node.attributes.get("axis", -1) % len(stream.shape) != stream.axes[-1]:
        text = "stands inside the network; supported: softmax(Q K^T / sqrt(d)) V of one input (multi_head_attention)"
        raise context.error(node, f"{text}, and the softmax of the scores at the end")
    context.notes.append(f"the {node.op} at the end is left out: the loss has it")
    return Step([], stream.named(node.output))


def _number(context: Context, node: Node, place: int, name: str) -> float | None:
    value: Any = context.graph.constant(node, place)
    if value is None:
        value = node.attributes.get(name)
    if value is not None and np.size(value) != 1:
        raise context.error(node, f"{name}: found {np.size(value)} values; allowed: one")
    return None if value is None else float(np.reshape(value, ()))
