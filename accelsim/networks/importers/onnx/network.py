"""An ONNX model as a network: layers, shape of one input, classes, and the values of all parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import UserError
from accelsim.layers import Layer
from accelsim.networks.importers.onnx import activations, norms, pools, products, shapes, tokens
from accelsim.networks.importers.onnx.context import Context, Values
from accelsim.networks.importers.onnx.folding import fixed_graph
from accelsim.networks.importers.onnx.stream import Stream
from accelsim.networks.importers.onnx.structure import chain

HANDLER_MODULES = (activations, norms, pools, products, shapes, tokens)
"""Importing them fills HANDLERS; a new module of handlers joins here."""


@dataclass(frozen=True, eq=False)
class ImportedNetwork:
    """What a model says of a network; nothing of how it is trained."""

    layers: list[Layer]
    shape: tuple[int, ...]
    """Height, width and channels of an image, or tokens."""
    classes: int
    values: Values
    """Of parameters, by the names that the layers give them; empty where no weights were read."""
    notes: list[str]
    """What was changed or left out."""


def import_onnx(
    model: Any, source: Path, *, weights: bool = True, input_shape: Sequence[int] | None = None
) -> ImportedNetwork:
    """The network that ``model`` (of ``read_model``) computes; ``source`` is its file, for messages and weights.

    Args:
        model: ONNX's ModelProto; its input's size becomes fixed.
        source: where it was read from.
        weights: whether to take on the values of parameters too.
        input_shape: axes after the batch, in place of those that the model leaves open.

    Raises:
        UserError: something in it has no counterpart; the message names the node.
    """
    graph = fixed_graph(model, source, weights=weights, input_shape=input_shape)
    context = Context(graph)
    start, opening, shape = _opening(context)
    layers, stream = chain(context, start, graph.output)
    layers = [*opening, *layers]
    if not layers:
        raise UserError(f"{source}: the graph has no layer")
    _check_end(context, stream, shape)
    values = context.values if weights else {}
    return ImportedNetwork(layers, shape, stream.shape[stream.axes[-1]], values, context.notes)


def _opening(context: Context) -> tuple[Stream, list[Layer], tuple[int, ...]]:
    """The input as a stream, layers before it, and its shape here."""
    graph = context.graph
    name, shape = graph.input, graph.shapes[graph.input]
    floats = graph.kinds.get(name, "float32").startswith(("float", "bfloat"))
    if len(shape) == 4 and floats:
        _, channels, height, width = shape
        return Stream(name, shape, (0, 2, 3, 1)), [], (height, width, channels)
    if len(shape) == 2 and floats:
        # Rows of features are images of one row: flatten gives the very same row.
        return Stream(name, shape, (0, 1)), [context.plain("flatten")], (1, shape[1], 1)
    if len(shape) == 2:
        return Stream(name, shape, (0, 1)), [], shape[1:]
    found = f"input {name!r} has shape {list(shape)} of {graph.kinds.get(name)}"
    raise UserError(
        f"{graph.source}: {found}; supported: images (batch, channels, height, width), rows of features "
        "(batch, features), token ids (batch, tokens) of whole numbers"
    )


def _check_end(context: Context, stream: Stream, shape: tuple[int, ...]) -> None:
    text = len(shape) == 1
    if stream.rank != (3 if text else 2) or np.any(stream.order):
        wanted = "(batch, tokens, classes)" if text else "(batch, classes)"
        found = f"the output {stream.name!r} has shape {list(stream.shape)}"
        raise UserError(f"{context.graph.source}: {found}; the loss needs {wanted}")
