"""Sequences from images and vectors from sequences: patches as tokens, one token of each, their mean."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accelsim.layers.layer import Backward, Layer, expect_rank, register
from accelsim.layers.pool import average
from accelsim.machine import Machine, Tensor, Window


@register("tokens")
class Tokens(Layer):
    """(batch, height, width, channels) to (batch, height x width, channels): another view of the same memory.

    After a convolution whose stride is its kernel, each token is a patch of the image.
    """

    hands_on = True

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 4, "batch, height, width and channels")
        batch, height, width, channels = x.shape
        return x.reshaped((batch, height * width, channels)), lambda g: g.reshaped(x.shape)


@register("select_token")
class SelectToken(Layer):
    """One token of each sequence: (batch, tokens, width) to (batch, width)."""

    hands_on = True

    position: Annotated[int, Field(ge=0, le=1_048_575)] = 0
    """Which one, from 0: where class_token puts its own."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 3, "batch, tokens and width")
        batch, tokens, width = x.shape
        y = m.slice_tokens(x, self.position, self.position + 1).reshaped((batch, width))

        def backward(g: Tensor) -> Tensor:
            return m.slice_tokens_backward(g.reshaped((batch, 1, width)), self.position, tokens)

        return y, backward


@register("mean_token")
class MeanToken(Layer):
    """Mean of the tokens of each sequence: (batch, tokens, width) to (batch, width)."""

    hands_on = True

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 3, "batch, tokens and width")
        batch, tokens, width = x.shape
        y, spread_out = average(m, x.reshaped((batch, tokens, 1, width)), Window((tokens, 1)))
        return y.reshaped((batch, width)), lambda g: _reshaped(spread_out(g.reshaped(y.shape)), x.shape)


def _reshaped(g: Tensor | None, shape: tuple[int, ...]) -> Tensor | None:
    return None if g is None else g.reshaped(shape)
