"""Which layers of a network are recomputed: one field in place of a ``recompute`` layer around each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from accelsim.layers import Layer, Recompute, Repeat, Residual
from accelsim.yamlfile import Allowed

NONE, RESIDUALS = "none", "residuals"
MOST = 1_048_576


def _parse(found: Any) -> Any:
    if found in (NONE, RESIDUALS) or (isinstance(found, int) and 1 <= found <= MOST):
        return found
    raise PydanticCustomError("recompute", "no choice of layers to recompute")


RecomputeField = Annotated[
    str | int,
    PlainValidator(_parse),
    WithJsonSchema({"anyOf": [{"enum": [NONE, RESIDUALS]}, {"type": "integer", "minimum": 1, "maximum": MOST}]}),
    Allowed(f"{NONE}, {RESIDUALS}, or a whole number of layers from 1", (NONE, RESIDUALS)),
]
"""``none``; ``residuals``: each outermost one; or N: each N layers in a row, but the last of these groups."""


def with_recomputation(layers: Sequence[Layer], chosen: str | int) -> list[Layer]:
    """``layers`` with those ``chosen`` inside a ``recompute`` layer; every other keeps its kind, order and so its name.

    A number counts layers of the outermost list, repetitions written out. The last group is left as it is: its backward
    follows at once.
    """
    if chosen == NONE:
        return list(layers)
    if chosen == RESIDUALS:
        return [_around_residuals(layer) for layer in layers]
    flat, size = list(_written_out(layers)), int(chosen)
    groups = [flat[start : start + size] for start in range(0, len(flat), size)]
    return [*(Recompute(body=group) for group in groups[:-1]), *groups[-1]]


def recomputation_fault(layers: Sequence[Layer], chosen: str | int) -> str:
    """Why ``chosen`` would change nothing; empty where it does."""
    if chosen == RESIDUALS and with_recomputation(layers, chosen) == list(layers):
        return f"found {RESIDUALS!r}, but no layer of the outermost list is a residual; allowed: {NONE}, or a number"
    count = len(list(_written_out(layers)))
    if isinstance(chosen, int) and chosen >= count:
        return f"found {chosen}, but the outermost list has {count} layers, repetitions written out; allowed: fewer"
    return ""


def _around_residuals(layer: Layer) -> Layer:
    if isinstance(layer, Repeat):
        return layer.model_copy(update={"body": [_around_residuals(inner) for inner in layer.body]})
    return Recompute(body=[layer]) if isinstance(layer, Residual) else layer


def _written_out(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        if isinstance(layer, Repeat):
            for copy in layer.children():
                yield from _written_out(copy)
        else:
            yield layer
