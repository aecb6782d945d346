"""GELU written out, by erf or by tanh, as models before opset 20 have it."""

from __future__ import annotations

from itertools import islice

import numpy as np

from accelsim.networks.importers.onnx.activations import note_exact_gelu
from accelsim.networks.importers.onnx.context import Context, Step
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.region import run_region
from accelsim.networks.importers.onnx.stream import Stream

PARTS = {"Erf", "Tanh", "Mul", "Div", "Add", "Pow", "Sqrt", "Cast"}
GRID = np.linspace(-6, 6, 241, dtype=np.float32)
LARGEST_NECKS = 4
TOLERANCE = 6e-4
"""Between the form by erf and the layer's."""


def find_gelu(context: Context, stream: Stream, nodes: list[Node]) -> Step | None:
    """The GELU that starts at ``stream``, if one does."""
    users = [node for node in nodes if stream.name in node.inputs]
    if any(node.op not in PARTS for node in users) or not any(node.op in ("Erf", "Tanh") for node in nodes):
        return None
    necks = list(islice(context.graph.necks(stream.name, nodes), LARGEST_NECKS))
    for neck in reversed(necks):
        inside = context.graph.between(stream.name, neck)
        if {node.op for node in inside} <= PARTS and _is_gelu(context, stream, inside, neck):
            if any(node.op == "Erf" for node in inside):
                note_exact_gelu(context)
            return Step([context.plain("gelu")], stream.named(neck))
    return None


def _is_gelu(context: Context, stream: Stream, inside: list[Node], neck: str) -> bool:
    found = run_region(context.graph, inside, {stream.name: GRID}, [neck], {})
    if found is None or found[0].shape != GRID.shape:
        return False
    tanh_form = GRID / (1 + np.exp(-np.sqrt(8 / np.pi) * (GRID + 0.044715 * GRID**3)))
    return bool(np.abs(found[0] - tanh_form).max() < TOLERANCE)
