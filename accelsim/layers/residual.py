"""Residual block: the sum of a body and a shortcut."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, LayerField, Layers, needs_no_gradient, register
from accelsim.layers.sequence import run
from accelsim.machine import Machine, Tensor


@register("residual")
class Residual(Layer):
    """body(x) + shortcut(x); an empty shortcut passes x through."""

    hands_on = True

    body: Layers
    """Layers of the long path."""
    shortcut: list[LayerField] = []  # noqa: RUF012 - pydantic copies defaults
    """Layers of the short path; none for the identity."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        x = x if needs_no_gradient(x) else m.quantise(x, Role.ACTIVATION)
        long, long_backward = run(m, self.body, x)
        short, short_backward = run(m, self.shortcut, x)
        y = m.add(long, short)

        def backward(g: Tensor) -> Tensor | None:
            through_long, through_short = long_backward(g), short_backward(g)
            if needs_no_gradient(x) or through_long is None or through_short is None:
                return None
            return m.add(through_long, through_short, "input_gradient")

        return y, backward

    def children(self) -> list[list[Layer]]:
        return [list(self.body), list(self.shortcut)]

    def child_fields(self) -> list[str]:
        return ["body", "shortcut"]

    def with_children(self, branches: list[list[Layer]]) -> Layer:
        return self.model_copy(update={"body": branches[0], "shortcut": branches[1]})
