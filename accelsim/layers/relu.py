"""Rectified linear unit."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.machine import Machine, Tensor


@register("relu")
class Relu(Layer):
    """max(x, 0); the sign of the stashed output is the mask of the backward."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        y = m.relu(m.quantise(x, Role.ACTIVATION))
        return y, lambda g: m.relu_backward(g, y)
