"""Gaussian error linear unit."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.machine import Machine, Tensor


@register("gelu")
class Gelu(Layer):
    """x times the share of a Gaussian below x, in the tanh form; the stashed input gives the slope."""

    hands_on = True

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        inputs = m.quantise(x, Role.ACTIVATION)
        return m.gelu(inputs), lambda g: m.gelu_backward(g, inputs)
