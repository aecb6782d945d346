"""Multi-head attention: every token looks at the tokens of its sequence (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from accelsim.errors import InternalError
from accelsim.formats import Product, Role
from accelsim.formats.blocks import Along
from accelsim.layers.layer import Backward, Layer, expect_rank, register
from accelsim.layers.linear import Linear
from accelsim.machine import Machine, Tensor
from accelsim.yamlfile import Fault, FileModel, refuse

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


class Rotary(FileModel):
    """Rotary position embeddings (Su et al. 2021, arXiv 2104.09864): queries and keys are turned by their position."""

    base: Annotated[float, Field(gt=1, le=1e9)] = 10000.0
    """Channels 2i and 2i + 1 of a head turn by base^(-2i / d) a position."""


@register("multi_head_attention")
class MultiHeadAttention(Layer):
    """softmax(Q K^T / sqrt(d)) V in each head, d = width / heads; Q, K, V and the output are dense layers of the input.

    Queries, keys, values and probabilities are activations. The gradients of both products of activations are on the
    data path: nothing is learned from them but what goes further back.
    """

    heads: Annotated[int, Field(ge=1, le=4096)]
    """Heads; the width is a multiple of it."""
    kv_heads: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Heads of keys and values, each shared by heads / kv_heads heads of queries (grouped-query attention: Ainslie et
    al. 2023, arXiv 2305.13245); left out, as many as heads."""
    causal: bool = False
    """Whether a token sees only itself and those before it."""
    bias: bool = True
    """Add a trainable offset to queries, keys, values and outputs."""
    rotary: Rotary | None = None
    """Turn queries and keys by their position; left out, they know none."""

    @model_validator(mode="after")
    def _equal_groups(self) -> MultiHeadAttention:
        if self.heads % self._kv_heads:
            text = f"found {self.kv_heads}, which doesn't divide the {self.heads} heads; allowed: one of their divisors"
            refuse(self.kind, [Fault(("kv_heads",), text)])
        return self

    def scopes(self) -> tuple[str, ...]:
        return (self.name, *(f"{self.name}.{part}" for part in (*PARTS, "output")))

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 3, "batch, tokens and width")
        width = x.shape[-1]
        if width % self.heads:
            raise ValueError(f"has {self.heads} heads, which don't divide the width {width} of its input")
        read, d = m.quantise(x, Role.ACTIVATION), width // self.heads
        widths = (width, d * self._kv_heads, d * self._kv_heads)
        projected = [self._dense(m, part, units, read) for part, units in zip(PARTS, widths, strict=True)]
        if self.rotary is not None:
            projected[:2] = [_rotated(m, self.rotary, d, *each) for each in zip(PARTS[:2], projected[:2], strict=True)]
        axes: tuple[int | Along, ...] = (self._channels(width), self._channels(width), TOKENS)
        q, k, v = (
            Operand.of(m, y, Role.ACTIVATION, part, axis)
            for (y, _), part, axis in zip(projected, PARTS, axes, strict=True)
        )
        context, backward_products = self._attend(m, q, k, v)
        y, backward_output = self._dense(m, "output", width, _merged(context))

        def backward(g: Tensor) -> Tensor | None:
            total: Tensor | None = None
            for (_, backward_part), gradient in zip(projected, backward_products(backward_output(g)), strict=True):
                share = backward_part(_merged(gradient))
                total = share if total is None or share is None else m.add(total, share, "input_gradient")
            return total

        return y, backward

    def _attend(self, m: Machine, q: Operand, k: Operand, v: Operand) -> tuple[Tensor, ProductBackward]:
        """Scores, probabilities and context (batch, heads, tokens, d), and the backward of all three."""
        width = q.made.shape[-1]
        factor, channels = 1 / math.sqrt(width // self.heads), self._channels(width)
        scores = m.batched_matmul(self._queries(q.made), _turned(self._keys(k.made)), name="scores")
        wide = m.softmax(self._apart(scores), factor=factor, causal=self.causal)
        p = Operand.of(m, wide, Role.ACTIVATION, "probability", COLUMNS)
        context = m.batched_matmul(self._together(p.made), self._keys(v.made), name="context")

        def backward(g: Tensor | None) -> list[Tensor]:
            if g is None:
                raise InternalError("the output layer of attention made no gradient of the context")
            dc = Operand.of(m, g, Role.GRADIENT_DATA, "context_gradient_data_path", channels)
            dp = _product(m, self._queries(dc.made), _turned(self._keys(v.along(m, channels))), "probability_gradient")
            rows = self._together(p.along(m, ROWS))
            dv = _product(m, _turned(rows), self._queries(dc.along(m, TOKENS)), "value_gradient")
            wide = m.softmax_backward(self._apart(dp), p.made, factor=factor)
            ds = Operand.of(m, wide, Role.GRADIENT_DATA, "score_gradient_data_path", COLUMNS)
            dq = _product(m, self._together(ds.made), self._keys(k.along(m, TOKENS)), "query_gradient")
            rows = self._together(ds.along(m, ROWS))
            dk = _product(m, _turned(rows), self._queries(q.along(m, TOKENS)), "key_gradient")
            return [self._apart(dq), dk, dv]

        return self._apart(context), backward

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

    @property
    def _kv_heads(self) -> int:
        return self.kv_heads or self.heads

    def _queries(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) as (batch, kv_heads, rows, d): a row for each token of each head that shares keys."""
        return self._together(_heads(x, self.heads))

    def _keys(self, x: Tensor) -> Tensor:
        """Keys or values as (batch, kv_heads, tokens, d)."""
        return _heads(x, self._kv_heads)

    def _together(self, x: Tensor) -> Tensor:
        """(batch, heads, tokens, n) with the rows of heads that share keys under each other: one product for them."""
        batch, heads, tokens, n = x.shape
        kv = self._kv_heads
        return x if kv == heads else x.reshaped((batch, kv, heads // kv * tokens, n))

    def _apart(self, x: Tensor) -> Tensor:
        """The inverse of ``_together``."""
        batch, kv, rows, n = x.shape
        return x if kv == self.heads else x.reshaped((batch, self.heads, rows * kv // self.heads, n))


def _rotated(m: Machine, rotary: Rotary, d: int, part: str, made: tuple[Tensor, Backward]) -> tuple[Tensor, Backward]:
    """Queries or keys turned by their position, and the backward of that and of their dense layer."""
    y, backward = made
    if d % 2:
        raise ValueError(f"has heads of {d} channels, but rotary needs an even number of them")
    table = m.rotation_table(y, d, rotary.base)
    turned = m.rotary(y, table, f"{part}_turned")
    return turned, lambda g: backward(m.rotary_backward(g, table, f"{part}_turned_back"))


def _heads(x: Tensor, heads: int) -> Tensor:
    """(batch, tokens, width) as (batch, heads, tokens, d)."""
    batch, tokens, width = x.shape
    return x.reshaped((batch, tokens, heads, width // heads)).transposed((0, 2, 1, 3))


def _merged(x: Tensor) -> Tensor:
    """The inverse of ``_heads``."""
    batch, heads, tokens, d = x.shape
    return x.transposed((0, 2, 1, 3)).reshaped((batch, tokens, heads * d))


def _turned(x: Tensor) -> Tensor:
    return x.transposed((0, 1, 3, 2))


def _product(m: Machine, a: Tensor, b: Tensor, name: str) -> Tensor:
    return m.batched_matmul(a, b, Product.DATA_GRADIENT, name)
