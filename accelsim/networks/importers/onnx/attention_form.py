"""Multi-head attention as the layer defines it, on arrays: what nodes of a graph are held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.networks.importers.onnx.dense import Affine
from accelsim.networks.importers.onnx.rotary import Rotation, turned


@dataclass(frozen=True)
class Form:
    """Fields of the layer."""

    heads: int
    kv_heads: int
    causal: bool
    rotation: Rotation | None

    @property
    def fields(self) -> dict[str, Any]:
        """As a workload has them."""
        found: dict[str, Any] = {"heads": self.heads}
        if self.kv_heads != self.heads:
            found["kv_heads"] = self.kv_heads
        if self.causal:
            found["causal"] = True
        return found | ({} if self.rotation is None else {"rotary": {"base": self.rotation.base}})

    def in_order(self, parts: list[Affine]) -> list[Affine]:
        """Queries and keys with the rows of each head in the order in which the layer turns them."""
        if self.rotation is None:
            return parts
        rows = [self.rotation.order(heads, len(parts[0][0]) // self.heads) for heads in (self.heads, self.kv_heads)]
        first = [(weight[order], bias[order]) for (weight, bias), order in zip(parts[:2], rows, strict=True)]
        return first + parts[2:]

    def attend(self, x: NDArray[Any], parts: list[Affine], tokens: NDArray[Any]) -> NDArray[Any]:
        """What the layer makes of x (batch, tokens, width) for some of its ``tokens``, from parts in order."""
        batch, length, width = x.shape
        heads = (self.heads, self.kv_heads, self.kv_heads)
        q, k, v = (
            (x @ weight.T + bias).reshape(batch, length, count, -1).transpose(0, 2, 1, 3)
            for (weight, bias), count in zip(parts[:3], heads, strict=True)
        )
        if self.rotation is not None:
            q, k = (turned(each, self.rotation.base) for each in (q, k))
        k, v = (np.repeat(each, self.heads // self.kv_heads, axis=1) for each in (k, v))
        scores = q[:, :, tokens] @ k.transpose(0, 1, 3, 2) / math.sqrt(width // self.heads)
        if self.causal:
            scores = np.where(np.arange(length) <= tokens[:, None], scores, -np.inf)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        context = (shares @ v).transpose(0, 2, 1, 3).reshape(batch, len(tokens), width)
        weight, bias = parts[3]
        result: NDArray[Any] = context @ weight.T + bias
        return result
