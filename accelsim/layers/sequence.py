"""Run layers one after the other, each under its own name."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.errors import UserError
from accelsim.layers.layer import Backward, Layer
from accelsim.machine import Machine, Tensor


class LayerError(UserError):
    """A layer can't take the input that it gets."""

    def __init__(self, layer: Layer, problem: str) -> None:
        super().__init__(f"layer {layer.name} ({layer.kind}): {problem}")
        self.layer_name = layer.name


def run(m: Machine, layers: Sequence[Layer], x: Tensor) -> tuple[Tensor, Backward]:
    """Forward through ``layers``; the returned backward goes through them in reverse.

    Raises:
        LayerError: naming the layer whose input has an impossible shape.
    """
    steps: list[tuple[str, Backward]] = []
    for layer in layers:
        with m.scope(layer.name):
            try:
                x, backward = layer.forward(m, x)
            except ValueError as error:
                raise LayerError(layer, str(error)) from error
        steps.append((layer.name, backward))

    def backward_all(g: Tensor) -> Tensor | None:
        gradient: Tensor | None = g
        for name, step in reversed(steps):
            if gradient is None:
                break
            with m.scope(name):
                gradient = step(gradient)
        return gradient

    return x, backward_all
