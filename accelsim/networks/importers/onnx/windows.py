"""The window of convolutions and pooling: ONNX's attributes as the fields that layers have."""

from __future__ import annotations

from typing import Any

from accelsim.networks.importers.onnx.context import Context
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.stream import Stream

AXES = 2


def window_fields(context: Context, node: Node, stream: Stream, kernel: tuple[int, ...]) -> dict[str, Any]:
    """Kernel, stride and padding of a window over images.

    Raises:
        UserError: it is dilated, not two-dimensional, or its border differs from side to side.
    """
    context.expect(node, stream, 4)
    if stream.axes != (0, 2, 3, 1):
        raise context.error(node, f"its input {stream.name!r} was transposed before it, which is not supported")
    if len(kernel) != AXES:
        raise context.error(node, f"has a window of {len(kernel)} axes; allowed: {AXES}")
    for name, length in (("strides", AXES), ("dilations", AXES), ("pads", 2 * AXES)):
        found = list(node.attributes.get(name, (0,) * length))
        if len(found) != length:
            raise context.error(node, f"{name}: found {found}; allowed: {length} numbers")
    dilations = tuple(node.attributes.get("dilations", (1, 1)))
    if any(step != 1 for step in dilations):
        raise context.error(node, f"dilations: found {list(dilations)}; allowed: [1, 1]")
    strides = tuple(node.attributes.get("strides", (1, 1)))
    padding = _padding(context, node, stream, kernel, strides)
    return {"kernel": _short(kernel), "stride": _short(strides), "padding": _short(padding)}


def _padding(
    context: Context, node: Node, stream: Stream, kernel: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[int, ...]:
    pads = tuple(node.attributes.get("pads", (0,) * 2 * AXES))
    automatic = node.attributes.get("auto_pad", b"NOTSET").decode()
    if automatic.startswith("SAME"):
        sizes = stream.shape[2:]
        total = [
            max(0, (-(-size // step) - 1) * step + length - size)
            for size, step, length in zip(sizes, strides, kernel, strict=True)
        ]
        low = [(pad + (automatic == "SAME_LOWER")) // 2 for pad in total]
        pads = (*low, *(pad - first for pad, first in zip(total, low, strict=True)))
    before, after = pads[:AXES], pads[AXES:]
    if before != after:
        text = f"pads: found {list(pads)}; allowed: the same before and after each axis"
        raise context.error(node, text)
    return before


def _short(pair: tuple[int, ...]) -> int | list[int]:
    return pair[0] if pair[0] == pair[1] else list(pair)
