"""Positional embedding: a learned offset for each place of a sequence."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.embedding import STD
from accelsim.layers.layer import Backward, Layer, expect_rank, register
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.program import Phase


@register("positional_embedding")
class PositionalEmbedding(Layer):
    """x (batch, tokens, width) plus a table (tokens, width) that all samples share, a norm parameter in its format."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 3, "batch, tokens and width")
        weight = Parameter(f"{self.name}.weight", x.shape[1:], Role.NORM_PARAMETER, std=STD)
        inputs = m.quantise(x, Role.ACTIVATION)
        y = m.add_parameter(inputs, m.quantise(m.parameter(weight), Role.NORM_PARAMETER))

        def backward(g: Tensor) -> Tensor:
            with m.scope(phase=Phase.WEIGHT_GRADIENT):
                precise = m.quantise(g, Role.GRADIENT_WEIGHT, axis=0)
                places = precise.reshaped((x.shape[0], precise.elements // x.shape[0]))
                total = m.quantise(m.reduce_sum(places), Role.WEIGHT_GRADIENT, "weight_gradient")
                m.collect(weight, total.reshaped(weight.shape))
            return g

        return y, backward
