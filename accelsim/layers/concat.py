"""Concatenation: the channels of two branches side by side, as in DenseNet (Huang et al., arXiv 1608.06993)."""

from __future__ import annotations

from pydantic import model_validator

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, LayerField, input_gradient, needs_no_gradient, register
from accelsim.layers.sequence import run
from accelsim.machine import Machine, Tensor
from accelsim.yamlfile import Fault, refuse


@register("concat")
class Concat(Layer):
    """Channels of first(x), then those of second(x); an empty branch passes x through. More branches: nest."""

    hands_on = True

    first: list[LayerField] = []  # noqa: RUF012 - pydantic copies defaults
    """Layers of the branch whose channels come first; none for the identity."""
    second: list[LayerField] = []  # noqa: RUF012 - pydantic copies defaults
    """Layers of the other branch."""

    @model_validator(mode="after")
    def _some_layer(self) -> Concat:
        if not self.first and not self.second:
            refuse(
                "concat", [Fault(("second",), "both branches are empty; allowed: at least one layer in one of them")]
            )
        return self

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        x = x if needs_no_gradient(x) else m.quantise(x, Role.ACTIVATION)
        left, left_backward = run(m, self.first, x)
        right, right_backward = run(m, self.second, x)
        y = m.concat(left, right)
        cut, end = left.shape[-1], y.shape[-1]

        def backward(g: Tensor) -> Tensor | None:
            through_left = left_backward(m.slice_channels(g, 0, cut))
            through_right = right_backward(m.slice_channels(g, cut, end))
            return input_gradient(m, x, through_left, through_right)

        return y, backward

    def child_fields(self) -> list[str]:
        return ["first", "second"]
