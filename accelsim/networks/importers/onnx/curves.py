"""GELU written out, by erf or by tanh, as models before opset 20 have it, and SiLU, by a sigmoid."""

from __future__ import annotations

from itertools import islice

import numpy as np

from accelsim.networks.importers.onnx.activations import note_exact_gelu
from accelsim.networks.importers.onnx.context import Context, Step
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.region import run_region
from accelsim.networks.importers.onnx.stream import Stream

PARTS = {"Erf", "Tanh", "Sigmoid", "Mul", "Div", "Add", "Pow", "Sqrt", "Cast"}
TELLING = ("Erf", "Tanh", "Sigmoid")
GRID = np.linspace(-6, 6, 241, dtype=np.float32)
SHAPES = {
    "gelu": GRID / (1 + np.exp(-np.sqrt(8 / np.pi) * (GRID + 0.044715 * GRID**3))),
    "silu": GRID / (1 + np.exp(-GRID)),
}
"""The layers' values on the grid."""
LARGEST_NECKS = 4
TOLERANCE = 6e-4
"""Between the form of GELU by erf and the layer's."""


def find_curve(context: Context, stream: Stream, nodes: list[Node]) -> Step | None:
    """The GELU or SiLU that starts at ``stream``, if one does."""
    users = [node for node in nodes if stream.name in node.inputs]
    if any(node.op not in PARTS for node in users) or not any(node.op in TELLING for node in nodes):
        return None
    necks = list(islice(context.graph.necks(stream.name, nodes), LARGEST_NECKS))
    for neck in reversed(necks):
        inside = context.graph.between(stream.name, neck)
        kind = _kind(context, stream, inside, neck) if {node.op for node in inside} <= PARTS else ""
        if kind:
            if any(node.op == "Erf" for node in inside):
                note_exact_gelu(context)
            return Step([context.plain(kind)], stream.named(neck))
    return None


def _kind(context: Context, stream: Stream, inside: list[Node], neck: str) -> str:
    """The layer that has the values of these nodes; empty where none has."""
    found = run_region(context.graph, inside, {stream.name: GRID}, [neck], {})
    if found is None or found[0].shape != GRID.shape:
        return ""
    return next((kind for kind, shape in SHAPES.items() if np.abs(found[0] - shape).max() < TOLERANCE), "")
