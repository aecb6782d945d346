"""Normalisation: whether by the deviation or by the range is the norm unit's affair, not the model's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.networks.importers.onnx.context import Context, Step, reads
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.stream import Stream

MOMENTUM, EPSILON = 0.9, 1e-5
"""What ONNX takes where a node has none; the epsilon is also the norm unit's where a hwconfig has none."""


@reads("BatchNormalization")
def batch_norm(context: Context, node: Node, stream: Stream) -> Step:
    """The running spread is sqrt(variance + epsilon), so that evaluation divides by what ONNX divides by."""
    gamma, beta, mean, variance = (_row(context, node, place, stream) for place in range(1, 5))
    if stream.axes[-1] != 1 or stream.rank == 3:
        raise context.error(node, f"normalises another axis of {stream.name!r} than the channels")
    if (variance < 0).any():
        raise context.error(node, f"its variance {node.input(4)!r} has values below zero")
    momentum = round(float(node.attributes.get("momentum", MOMENTUM)), 6)
    if not 0 <= momentum < 1:
        raise context.error(node, f"momentum: found {momentum}; allowed: from 0 to below 1")
    spread = np.sqrt(variance.astype(np.float64) + node.attributes.get("epsilon", EPSILON))
    values = {"gamma": gamma, "beta": beta, "running_mean": mean, "running_spread": spread}
    fields = {} if momentum == MOMENTUM else {"running_momentum": momentum}
    return Step([context.layer(node, "batch_norm", fields, values)], stream.named(node.output))


@reads("LayerNormalization")
def layer_norm(context: Context, node: Node, stream: Stream) -> Step:
    """Over the channels at each position; epsilon is the norm unit's."""
    _expect_channels(context, node, stream)
    gamma = _row(context, node, 1, stream)
    beta = _row(context, node, 2, stream) if node.input(2) else np.zeros_like(gamma)
    note_epsilon(context, node.attributes.get("epsilon", EPSILON))
    return Step([context.layer(node, "layer_norm", {}, {"gamma": gamma, "beta": beta})], stream.named(node.output))


@reads("RMSNormalization")
def rms_norm(context: Context, node: Node, stream: Stream) -> Step:
    """As layer norm."""
    _expect_channels(context, node, stream)
    values = {"gamma": _row(context, node, 1, stream)}
    note_epsilon(context, node.attributes.get("epsilon", EPSILON))
    return Step([context.layer(node, "rms_norm", {}, values)], stream.named(node.output))


def note_epsilon(context: Context, epsilon: float) -> None:
    """Say once that the model has another epsilon than norm units usually have."""
    note = f"norms have epsilon {epsilon:.3g} in the model; here it is the machine's (norm_unit.epsilon)"
    if not math.isclose(epsilon, EPSILON, rel_tol=0.01) and note not in context.notes:
        context.notes.append(note)


def _expect_channels(context: Context, node: Node, stream: Stream) -> None:
    axis = node.attributes.get("axis", -1) % len(stream.shape)
    if axis != len(stream.shape) - 1 or not stream.channels_last:
        raise context.error(node, "normalises over other axes than the channels, which is not supported")


def _row(context: Context, node: Node, place: int, stream: Stream) -> NDArray[Any]:
    """A constant with one value for each channel, in the order that channels have here."""
    row, channels = context.graph.constant(node, place), stream.shape[stream.axes[-1]]
    if row is None or row.size != channels:
        found = "nothing" if row is None else f"{row.size} values"
        raise context.error(node, f"input {place + 1}: found {found}; {stream.name!r} has {channels} channels")
    row = row.reshape(-1)
    return row if stream.order is None else row[stream.order]
