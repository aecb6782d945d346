"""Multi-head attention: every token looks at the tokens of its sequence (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, NamedTuple

from pydantic import Field

from accelsim.errors import InternalError
from accelsim.formats import Product, Role
from accelsim.formats.blocks import Along
from accelsim.layers.layer import Backward, Layer, expect_rank, register
from accelsim.layers.linear import Linear
from accelsim.machine import Machine, Tensor

ProductBackward = Callable[[Tensor | None], list[Tensor]]
"""From the gradient of the context to those of queries, keys and values."""
PARTS = ("query", "key", "value")
COLUMNS, ROWS, TOKENS = -1, -2, 1
"""Axes that products reduce, along which block formats form their blocks; ``TOKENS`` before heads are told apart. The
channels that they reduce then are those of one head."""


class Operand(NamedTuple):
    """What products read in one role: as the first of them read it, and what that was quantised from."""

    made: Tensor
    wide: Tensor
    role: Role

    @classmethod
    def of(cls, m: Machine, wide: Tensor, role: Role, name: str, axis: int | Along) -> Operand:
        """``wide`` in the format of ``role``, for a product that reduces ``axis``."""
        return cls(m.quantise(wide, role, name, axis), wide, role)

    def along(self, m: Machine, axis: int | Along) -> Tensor:
        """The same for a product that reduces ``axis``."""
        return m.quantise_again(self.made, self.wide, self.role, axis)


@register("multi_head_attention")
class MultiHeadAttention(Layer):
    """softmax(Q K^T / sqrt(d)) V in each head, d = width / heads; Q, K, V and the output are dense layers of the input.

    Queries, keys, values and probabilities are activations. The gradients of both products of activations are on the
    data path: nothing is learned from them but what goes further back.
    """

    heads: Annotated[int, Field(ge=1, le=4096)]
    """Heads; the width is a multiple of it."""
    causal: bool = False
    """Whether a token sees only itself and those before it."""
    bias: bool = True
    """Add a trainable offset to queries, keys, values and outputs."""

    def scopes(self) -> tuple[str, ...]:
        return (self.name, *(f"{self.name}.{part}" for part in (*PARTS, "output")))

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 3, "batch, tokens and width")
        width = x.shape[-1]
        if width % self.heads:
            raise ValueError(f"has {self.heads} heads, which don't divide the width {width} of its input")
        read = m.quantise(x, Role.ACTIVATION)
        projected = [self._dense(m, part, width, read) for part in PARTS]
        axes: tuple[int | Along, ...] = (self._channels(width), self._channels(width), TOKENS)
        q, k, v = (
            Operand.of(m, y, Role.ACTIVATION, part, axis)
            for (y, _), part, axis in zip(projected, PARTS, axes, strict=True)
        )
        context, backward_products = self._attend(m, q, k, v)
        y, backward_output = self._dense(m, "output", width, self._merged(context))

        def backward(g: Tensor) -> Tensor | None:
            total: Tensor | None = None
            for (_, backward_part), gradient in zip(projected, backward_products(backward_output(g)), strict=True):
                share = backward_part(self._merged(gradient))
                total = share if total is None or share is None else m.add(total, share, "input_gradient")
            return total

        return y, backward

    def _attend(self, m: Machine, q: Operand, k: Operand, v: Operand) -> tuple[Tensor, ProductBackward]:
        """Scores, probabilities and context (batch, heads, tokens, d), and the backward of all three."""
        width = q.made.shape[-1]
        factor, channels = 1 / math.sqrt(width // self.heads), self._channels(width)
        scores = m.batched_matmul(self._heads(q.made), _turned(self._heads(k.made)), name="scores")
        wide = m.softmax(scores, factor=factor, causal=self.causal)
        p = Operand.of(m, wide, Role.ACTIVATION, "probability", COLUMNS)
        context = m.batched_matmul(p.made, self._heads(v.made), name="context")

        def backward(g: Tensor | None) -> list[Tensor]:
            if g is None:
                raise InternalError("the output layer of attention made no gradient of the context")
            dc = Operand.of(m, g, Role.GRADIENT_DATA, "context_gradient_data_path", channels)
            dp = _product(m, self._heads(dc.made), _turned(self._heads(v.along(m, channels))), "probability_gradient")
            dv = _product(m, _turned(p.along(m, ROWS)), self._heads(dc.along(m, TOKENS)), "value_gradient")
            wide = m.softmax_backward(dp, p.made, factor=factor)
            ds = Operand.of(m, wide, Role.GRADIENT_DATA, "score_gradient_data_path", COLUMNS)
            dq = _product(m, ds.made, self._heads(k.along(m, TOKENS)), "query_gradient")
            dk = _product(m, _turned(ds.along(m, ROWS)), self._heads(q.along(m, TOKENS)), "key_gradient")
            return [dq, dk, dv]

        return context, backward

    def _dense(self, m: Machine, part: str, width: int, x: Tensor) -> tuple[Tensor, Backward]:
        """A dense layer of this one, under its own name in tables."""
        dense = Linear(name=f"{self.name}.{part}", units=width, bias=self.bias)
        with m.scope(dense.name):
            y, backward = dense.forward(m, x)

        def scoped(g: Tensor) -> Tensor | None:
            with m.scope(dense.name):
                return backward(g)

        return y, scoped

    def _channels(self, width: int) -> Along:
        return Along((-1,), width // self.heads)

    def _heads(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) as (batch, heads, tokens, d)."""
        batch, tokens, width = x.shape
        return x.reshaped((batch, tokens, self.heads, width // self.heads)).transposed((0, 2, 1, 3))

    def _merged(self, x: Tensor) -> Tensor:
        """The inverse of ``_heads``."""
        batch, heads, tokens, d = x.shape
        return x.transposed((0, 2, 1, 3)).reshaped((batch, tokens, heads * d))


def _turned(x: Tensor) -> Tensor:
    return x.transposed((0, 1, 3, 2))


def _product(m: Machine, a: Tensor, b: Tensor, name: str) -> Tensor:
    return m.batched_matmul(a, b, Product.DATA_GRADIENT, name)
