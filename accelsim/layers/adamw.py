"""Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accelsim.layers.optimizer import Optimizer, register_optimizer
from accelsim.machine import Machine, Parameter, Tensor


@register_optimizer("adamw")
class AdamW(Optimizer):
    """Steps by the mean of the gradients over the root of the mean of their squares; floating-point masters alone.

    With weight_decay 0 it is Adam.
    """

    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the old mean of gradients that is kept."""
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Share of the old mean of squares that is kept."""
    epsilon: Annotated[float, Field(ge=1e-30, le=1)] = 1e-8
    """Added to the root."""

    def update(
        self, m: Machine, parameter: Parameter, gradient: Tensor, weight_decay: float, clip: Tensor | None
    ) -> None:
        m.adamw(
            parameter,
            gradient,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            weight_decay=weight_decay,
            clip=clip,
        )
