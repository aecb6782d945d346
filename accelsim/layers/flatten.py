"""Flatten: another view of the same memory."""

from __future__ import annotations

import math

from accelsim.layers.layer import Backward, Layer, register
from accelsim.machine import Machine, Tensor


@register("flatten")
class Flatten(Layer):
    """(batch, ...) to (batch, features)."""

    hands_on = True

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        flat = x.reshaped((x.shape[0], math.prod(x.shape[1:])))
        return flat, lambda g: g.reshaped(x.shape)
