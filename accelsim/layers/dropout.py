"""Dropout (Srivastava et al. 2014), scaled while training."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.machine import Machine, Tensor


@register("dropout")
class Dropout(Layer):
    """Zero for a random share of the elements, the others divided by what is kept; nothing in evaluation.

    The random bits are those of stochastic rounding: a function of seed, step, tensor and element, so that the backward
    draws them again and no mask is stored.
    """

    hands_on = True

    rate: Annotated[float, Field(ge=0, le=0.99)] = 0.5
    """Share of the elements that become zero, to the nearest 2^-16."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        inputs = m.quantise(x, Role.ACTIVATION)
        if not m.training:
            return inputs, lambda g: g
        y = m.dropout(inputs, self.rate)
        return y, lambda g: m.dropout_backward(g, y, self.rate)
