"""Sigmoid linear unit, also known as swish (Elfwing et al. 2017, arXiv 1702.03118; Ramachandran et al. 2017, arXiv
1710.05941)."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.machine import Machine, Tensor


@register("silu")
class Silu(Layer):
    """x times the logistic function of x; the stashed input gives the slope."""

    hands_on = True

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        inputs = m.quantise(x, Role.ACTIVATION)
        return m.silu(inputs), lambda g: m.silu_backward(g, inputs)
