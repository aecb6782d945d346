"""Residual block: the sum of a body and a shortcut."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, LayerField, Layers, input_gradient, needs_no_gradient, register
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
            return input_gradient(m, x, through_long, through_short)

        return y, backward

    def child_fields(self) -> list[str]:
        return ["body", "shortcut"]
