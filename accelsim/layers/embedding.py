"""Embedding: token ids to rows of a table that is learned."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accelsim.formats import Role
from accelsim.formats.blocks import Along
from accelsim.layers.layer import Backward, Layer, needs_no_gradient, register
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.program import Phase

STD = 0.02
"""Of the initial table, as GPT-2's."""
Vocabulary = Annotated[int, Field(ge=2, le=1_048_576)]
Width = Annotated[int, Field(ge=1, le=1_048_576)]


def table(name: str, vocabulary: int, width: int) -> Parameter:
    """The table of the embedding layer called ``name``."""
    return Parameter(f"{name}.weight", (vocabulary, width), Role.WEIGHT, std=STD)


@register("embedding")
class Embedding(Layer):
    """(batch, tokens) ids to (batch, tokens, width).

    Rows come from the master copy and are quantised by who reads them; the table's gradient is dense, with zeros where
    no token was.
    """

    vocabulary: Vocabulary
    """Rows of the table; token ids are below it."""
    width: Width
    """Length of a row."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        if not needs_no_gradient(x) or len(x.shape) != 2:
            raise ValueError(f"needs token ids (network.tokens), but its input has shape {x.shape}")
        weight = table(self.name, self.vocabulary, self.width)
        rows = m.gather(m.parameter(weight), x)

        def backward(g: Tensor) -> None:
            with m.scope(phase=Phase.WEIGHT_GRADIENT):
                precise = m.quantise(g, Role.GRADIENT_WEIGHT, axis=Along((0, 1)))
                product = m.scatter_add(precise, x, self.vocabulary)
                m.collect(weight, m.quantise(product, Role.WEIGHT_GRADIENT, "weight_gradient"))

        return rows, backward
