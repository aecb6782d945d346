"""Concat nodes as a chain: one that begins with all inputs of an earlier one takes its output, as DenseNet means it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from accelsim.networks.importers.onnx.graph import Node

Made = dict[tuple[str, ...], Node]


def share_prefixes(nodes: Sequence[Node]) -> list[Node]:
    """``nodes`` with the longest earlier concatenation in place of the inputs that it has already."""
    made: Made = {}
    result = []
    for node in nodes:
        result.append(_shared(node, made) if node.op == "Concat" else node)
        if node.op == "Concat":
            made.setdefault(node.inputs, node)
    return result


def _shared(node: Node, made: Made) -> Node:
    for length in range(len(node.inputs) - 1, 1, -1):
        known = made.get(node.inputs[:length])
        if known and known.attributes["axis"] == node.attributes["axis"]:
            return replace(node, inputs=(known.output, *node.inputs[length:]))
    return node
