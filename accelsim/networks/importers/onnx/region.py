"""Some nodes between two tensors, run by themselves: what they compute says what they are, however they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.networks.importers.onnx.graph import Graph, Node
from accelsim.networks.importers.onnx.reading import onnx_library

NOTHING_DROPPED = "Dropout"


def run_region(
    graph: Graph,
    nodes: Sequence[Node],
    given: Mapping[str, NDArray[Any]],
    wanted: Sequence[str],
    replaced: Mapping[str, NDArray[Any]],
) -> list[NDArray[Any]] | None:
    """The tensors ``wanted`` for the values ``given``, with some constants ``replaced``; None where it can't be run."""
    onnx = onnx_library()
    helper = onnx.helper
    constants = {name for node in nodes for name in node.inputs if name in graph.constants}
    values = {name: replaced.get(name, graph.constants[name]) for name in constants}
    described = helper.make_graph(
        [_runnable(node) for node in nodes],
        "region",
        [_typed(name, value) for name, value in {**given, **values}.items()],
        [onnx.ValueInfoProto(name=name) for name in wanted],
    )
    try:
        model = helper.make_model(described, opset_imports=[helper.make_opsetid("", graph.opset)])
        found = onnx.reference.ReferenceEvaluator(model).run(list(wanted), {**given, **values})
    except Exception:  # whatever the library raises for nodes that it can't run: then these are not the ones sought
        return None
    return [np.asarray(value) for value in found]


def _typed(name: str, value: NDArray[Any]) -> Any:
    helper = onnx_library().helper
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)


def _runnable(node: Node) -> Any:
    proto = onnx_library().NodeProto()
    proto.CopyFrom(node.proto)
    proto.input[:] = node.inputs
    if node.op == NOTHING_DROPPED:
        proto.op_type = "Identity"
        del proto.input[1:], proto.output[1:], proto.attribute[:]
    return proto
