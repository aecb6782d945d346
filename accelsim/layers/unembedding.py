"""Unembedding: the scores of all tokens, by the table that an embedding looks them up in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accelsim.layers.embedding import table
from accelsim.layers.layer import register
from accelsim.layers.linear import Linear
from accelsim.machine import Parameter, Tensor


@register("unembedding")
class Unembedding(Linear):
    """y = x w^T with the table w (vocabulary, width) of an embedding layer: one parameter with two gradients."""

    embedding: Annotated[str, Field(min_length=1, max_length=200)]
    """Name of the embedding layer."""
    units: Annotated[int, Field(ge=2, le=1_048_576)]
    """Vocabulary of that layer."""
    bias: bool = False
    """Add a trainable offset to every score."""

    def weight(self, x: Tensor) -> Parameter:
        own = super().weight(x)
        return table(self.embedding, *own.shape)
