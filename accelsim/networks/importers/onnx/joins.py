"""Where branches meet: sums, products and concatenations of channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from accelsim.layers import Layer
from accelsim.networks.importers.onnx.context import Context, Step
from accelsim.networks.importers.onnx.graph import Node


def add(context: Context, join: Node, steps: list[Step]) -> Step:
    """body(x) + shortcut(x); the longer branch is the body."""
    body, shortcut = _two(context, join, steps, "adds")
    return Step([context.plain("residual", body=body, shortcut=shortcut)], steps[0].stream.named(join.output))


def multiply(context: Context, join: Node, steps: list[Step]) -> Step:
    """gate(x) times value(x); the longer branch is the gate, as it has the activation function."""
    gate, value = _two(context, join, steps, "multiplies")
    return Step([context.plain("gated", gate=gate, value=value)], steps[0].stream.named(join.output))


def _two(context: Context, join: Node, steps: list[Step], verb: str) -> list[list[Layer]]:
    """Layers of two branches that meet element by element, the longer one first."""
    if len(steps) != 2:
        raise context.error(join, f"{verb} {len(steps)} branches; allowed: 2")
    first, second = (step.stream for step in steps)
    if not first.same_layout(second):
        shapes = f"{list(first.shape)} and {list(second.shape)}"
        raise context.error(join, f"{verb} shapes {shapes} that don't lie alike here")
    return sorted((step.layers for step in steps), key=len, reverse=True)


def concat(context: Context, join: Node, steps: list[Step]) -> Step:
    """Channels side by side; more than two branches nest, the first two innermost."""
    first = steps[0].stream
    channels = first.axes[-1]
    if join.attributes["axis"] % len(first.shape) != channels:
        raise context.error(join, "puts tensors beside each other along another axis than the channels")
    sizes = [step.stream.shape[channels] for step in steps]
    for step in steps:
        one = step.stream
        rest = tuple(size for axis, size in enumerate(one.shape) if axis != channels)
        wanted = tuple(size for axis, size in enumerate(first.shape) if axis != channels)
        if (one.axes, rest) != (first.axes, wanted) or one.order is not None:
            shapes = f"{list(first.shape)} and {list(one.shape)}"
            raise context.error(join, f"puts shapes {shapes} beside each other that don't lie alike here")
    layers: list[Layer] = steps[0].layers
    for step in steps[1:]:
        layers = [context.plain("concat", first=layers, second=step.layers)]
    shape = (*first.shape[:channels], sum(sizes), *first.shape[channels + 1 :])
    return Step(layers, replace(first, name=join.output, shape=shape))


JOINS: dict[str, Callable[[Context, Node, list[Step]], Step]] = {
    "Add": add,
    "Sum": add,
    "Mul": multiply,
    "Concat": concat,
}
"""What reads a node in which branches meet, by its operator."""
