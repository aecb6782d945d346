"""Repetition: the same layers several times in a row, each time with parameters of their own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PrivateAttr

from accelsim.layers.layer import Backward, Layer, Layers, register
from accelsim.layers.sequence import run
from accelsim.machine import Machine, Tensor


@register("repeat")
class Repeat(Layer):
    """``body``, ``times`` times in a row; layers that name themselves can't be repeated."""

    hands_on = True

    times: Annotated[int, Field(ge=1, le=1024)]
    """How often."""
    body: Layers
    """Layers of one repetition, in order."""
    _copies: list[list[Layer]] = PrivateAttr(default_factory=list)

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        return run(m, [layer for copy in self.children() for layer in copy], x)

    def children(self) -> list[list[Layer]]:
        return self._copies or [list(self.body)] * self.times

    def child_fields(self) -> list[str]:
        return ["body"] * len(self.children())

    def with_children(self, branches: list[list[Layer]]) -> Layer:
        named = self.model_copy()
        named._copies = branches
        return named
