"""Dense (fully connected) layer."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from accelsim.formats import Role
from accelsim.formats.blocks import Along
from accelsim.layers.affine import AffineLayer
from accelsim.layers.layer import expect_rank, register
from accelsim.machine import Machine, Parameter, Tensor


@register("linear")
class Linear(AffineLayer):
    """y = x w^T + b with x (batch, in) or (batch, tokens, in), where tokens are more rows, and w (out, in)."""

    units: Annotated[int, Field(ge=1, le=1_048_576)]
    """Outputs."""

    def weight(self, x: Tensor) -> Parameter:
        if len(x.shape) != 3:
            expect_rank(x, 2, "batch and features (put flatten or global_average_pool before it)")
        features = x.shape[-1]
        std = math.sqrt(1 / features)
        return Parameter(f"{self.name}.weight", (self.units, features), Role.WEIGHT, std=std)

    def rows(self, x: Tensor) -> Along:
        return Along(tuple(range(len(x.shape) - 1)))

    def product(self, m: Machine, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
        return m.matmul(_rows(x), w, bias).reshaped((*x.shape[:-1], self.units))

    def product_backward_data(self, m: Machine, g: Tensor, w: Tensor, x: Tensor) -> Tensor:
        return m.matmul_backward_data(_rows(g), w).reshaped(x.shape)

    def product_backward_weights(self, m: Machine, x: Tensor, g: Tensor) -> Tensor:
        return m.matmul_backward_weights(_rows(x), _rows(g))


def _rows(x: Tensor) -> Tensor:
    return x.reshaped((x.elements // x.shape[-1], x.shape[-1]))
