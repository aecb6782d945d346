"""Recomputation: layers that keep nothing of their forward work, and do it again for their backward."""

from __future__ import annotations

from accelsim.layers.layer import Backward, Layer, Layers, register
from accelsim.layers.sequence import run
from accelsim.machine import Machine, Tensor


@register("recompute")
class Recompute(Layer):
    """``body``, of which only its input is kept in between (activation checkpointing): the same bits, in less memory.

    What the backward reads is made again once the gradient has come; what it doesn't read is not.
    """

    hands_on = True

    body: Layers
    """Layers in order."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        with m.letting_go(x) as region:
            y, backward = run(m, self.body, x)

        def backward_again(g: Tensor) -> Tensor | None:
            with m.made_again(region, g):
                return backward(g)

        return y, backward_again

    def child_fields(self) -> list[str]:
        return ["body"]
