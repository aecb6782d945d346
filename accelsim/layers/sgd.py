"""Stochastic gradient descent with momentum and weight decay."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from accelsim.layers.shared_gradients import summed_gradients
from accelsim.machine import Machine
from accelsim.program import Phase
from accelsim.yamlfile import FileModel


class Sgd(FileModel):
    """v <- momentum * v + gradient + weight_decay * w; w <- w - learning_rate * v.

    Only weights decay: norm parameters and biases don't.
    """

    kind: Literal["sgd"] = "sgd"
    """Optimizer."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Rate at the start; the schedule multiplies it."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the old velocity that is kept; 0 keeps no state."""
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """L2 penalty on weights."""

    def step(self, m: Machine) -> None:
        """Update every parameter whose gradient the layers collected."""
        for layer, parameter, gradient in summed_gradients(m):
            with m.scope(layer, Phase.UPDATE):
                m.sgd(parameter, gradient, momentum=self.momentum, weight_decay=self.weight_decay)
