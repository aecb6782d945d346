"""Stochastic gradient descent with momentum and weight decay."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from accelsim.layers.optimizer import Optimizer, register_optimizer
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.yamlfile import Fault, refuse


@register_optimizer("sgd")
class Sgd(Optimizer):
    """v <- momentum * v + gradient + weight_decay * w; w <- w - learning_rate * v.

    Nesterov's form steps by gradient + weight_decay * w + momentum * v instead (Sutskever et al. 2013).
    """

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the old velocity that is kept; 0 keeps no state."""
    nesterov: bool = False
    """Look ahead by one step of the velocity."""

    @model_validator(mode="after")
    def _momentum_used(self) -> Sgd:
        if self.nesterov and not self.momentum:
            refuse("sgd", [Fault(("nesterov",), "found True, but momentum is 0; leave one of them out")])
        return self

    def update(
        self, m: Machine, parameter: Parameter, gradient: Tensor, weight_decay: float, clip: Tensor | None
    ) -> None:
        m.sgd(
            parameter,
            gradient,
            momentum=self.momentum,
            weight_decay=weight_decay,
            nesterov=self.nesterov,
            clip=clip,
        )
