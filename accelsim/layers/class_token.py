"""Class token: a learned token in front of every sequence, which a classifier reads at the end."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.embedding import STD
from accelsim.layers.layer import Backward, Layer, expect_rank, register
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.program import Phase


@register("class_token")
class ClassToken(Layer):
    """(batch, tokens, width) to (batch, tokens + 1, width); the token is in the format of norm parameters."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 3, "batch, tokens and width")
        batch, tokens, width = x.shape
        weight = Parameter(f"{self.name}.weight", (width,), Role.NORM_PARAMETER, std=STD)
        inputs = m.quantise(x, Role.ACTIVATION)
        y = m.prepend(inputs, m.quantise(m.parameter(weight), Role.NORM_PARAMETER))

        def backward(g: Tensor) -> Tensor:
            with m.scope(phase=Phase.WEIGHT_GRADIENT):
                first = m.slice_tokens(g, 0, 1).reshaped((batch, width))
                precise = m.quantise(first, Role.GRADIENT_WEIGHT, axis=0)
                m.collect(weight, m.quantise(m.reduce_sum(precise), Role.WEIGHT_GRADIENT, "weight_gradient"))
            return m.slice_tokens(g, 1, tokens + 1)

        return y, backward
