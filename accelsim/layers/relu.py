"""Rectified linear unit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.machine import Machine, Tensor


@register("relu")
class Relu(Layer):
    """max(x, 0), or no more than a maximum; the stashed output is the mask of the backward."""

    hands_on = True

    maximum: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Where the output stops to rise: 6 is ReLU6, rounded to the nearest code. Without one, nowhere."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        y = m.relu(m.quantise(x, Role.ACTIVATION), self.maximum)
        return y, lambda g: m.relu_backward(g, y, self.maximum)
