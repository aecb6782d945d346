"""From a graph to nested layers: a chain of nodes, with branches that leave one tensor and meet again in one node."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from accelsim.layers import Layer
from accelsim.networks.importers.onnx.attention import find_attention
from accelsim.networks.importers.onnx.context import HANDLERS, Context, Step
from accelsim.networks.importers.onnx.curves import find_curve
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.joins import JOINS
from accelsim.networks.importers.onnx.rms_norm import find_rms_norm
from accelsim.networks.importers.onnx.stream import Stream

Pattern = Callable[[Context, Stream, list[Node]], Step | None]
PATTERNS: tuple[Pattern, ...] = (find_attention, find_curve, find_rms_norm)
"""What several nodes together stand for; each is tried wherever a chain goes on."""


def chain(context: Context, stream: Stream, end: str) -> Step:
    """Layers from ``stream`` to the tensor ``end``.

    Raises:
        UserError: a node has no layer, or branches don't meet again.
    """
    nodes, layers = context.graph.between(stream.name, end), list[Layer]()
    _check_closed(context, stream, nodes)
    while stream.name != end:
        step = _next(context, stream, nodes)
        layers += step.layers
        stream = step.stream
        nodes = context.graph.between(stream.name, end)
    return Step(layers, stream)


def _next(context: Context, stream: Stream, nodes: list[Node]) -> Step:
    for pattern in PATTERNS:
        step = pattern(context, stream, nodes)
        if step:
            return step
    users = [node for node in nodes if stream.name in node.inputs]
    if not users:
        maker = context.graph.producers[stream.name]
        raise context.error(maker, f"only its first output, {stream.name!r}, is supported, and another one is used")
    if len(users) == 1 and context.graph.flowing(users[0]) == [stream.name]:
        return _single(context, users[0], stream)
    return _branches(context, stream, nodes)


def _single(context: Context, node: Node, stream: Stream) -> Step:
    if node.op not in HANDLERS:
        raise context.error(node, unsupported(node.op))
    try:
        return HANDLERS[node.op](context, node, stream)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise context.error(node, f"{field}: found {first['input']!r}: {first['msg'].lower()}") from error


def _branches(context: Context, stream: Stream, nodes: list[Node]) -> Step:
    """The sum or product of two branches, or the channels of several side by side; a branch may be empty."""
    neck = next(context.graph.necks(stream.name, nodes), "")
    if not neck:
        text = f"ends the network, but other nodes that start at {stream.name!r} do too; {_SUPPORTED_BRANCHES}"
        raise context.error(nodes[-1], text)
    join = context.graph.producers[neck]
    ends = context.graph.flowing(join)
    if join.op not in JOINS or len(ends) != len(join.inputs) or len(ends) < 2:
        raise context.error(join, f"joins branches that start at {stream.name!r}; {_SUPPORTED_BRANCHES}")
    _check_apart(context, join, [context.graph.between(stream.name, end) for end in ends])
    steps = [chain(context, stream, end) for end in ends]
    if sum(not step.layers for step in steps) > 1:
        raise context.error(join, f"takes {stream.name!r} twice, which is not supported")
    return JOINS[join.op](context, join, steps)


def _check_apart(context: Context, join: Node, branches: list[list[Node]]) -> None:
    seen = set[int]()
    for branch in branches:
        shared = next((node for node in branch if node.index in seen), None)
        if shared:
            text = f"belongs to several branches that meet in {join.name or join.op!r}; {_SUPPORTED_BRANCHES}"
            raise context.error(shared, text)
        seen |= {node.index for node in branch}


def _check_closed(context: Context, stream: Stream, nodes: list[Node]) -> None:
    outside = context.graph.outside(stream.name, nodes)
    if outside:
        node, name = outside
        raise context.error(node, f"takes {name!r} from outside its branch, which starts at {stream.name!r}")


def unsupported(op: str) -> str:
    """Why a node of ``op`` is refused, and what to do."""
    if op.startswith(("Q", "Dequantize", "DynamicQuantize")) or op.endswith("Integer"):
        return "belongs to a quantised model; import the float model, as the hwconfig says what is quantised"
    remedy = _REMEDIES.get(op, "")
    return f"not supported{remedy}; supported: {', '.join(sorted(HANDLERS))}, multi-head attention, branches"


_SUPPORTED_BRANCHES = (
    "supported: branches from one tensor that meet again in an Add of two (residual), a Mul of two (gated) or a Concat "
    "of channels (concat)"
)
_PACKED = " outside of attention (of a product's outputs: give each part a product of its own)"
_REMEDIES = {
    "LRN": " (no layer normalises over neighbouring channels; batch_norm is the usual replacement)",
    "Softmax": " inside the network, except in multi-head attention",
    "Sigmoid": " (Relu, Clip from 0, Gelu and x * Sigmoid(x) are)",
    "HardSwish": " (Relu, Clip from 0, Gelu and x * Sigmoid(x) are)",
    "Mul": " with a constant (multiply it into the weights before or after it)",
    "Split": _PACKED,
    "SplitToSequence": _PACKED,
    "Slice": _PACKED,
    "ReduceMean": " here",
}
