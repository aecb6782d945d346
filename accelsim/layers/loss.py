"""Softmax cross-entropy: the loss that ends every network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from accelsim.formats import Role
from accelsim.layers.layer import expect_rank
from accelsim.machine import Machine, Tensor


@dataclass(frozen=True)
class Loss:
    """Mean loss (1,), the logits as the loss saw them (rows, classes), and the gradient of the logits."""

    loss: Tensor
    logits: Tensor
    backward: Callable[[], Tensor]


def softmax_cross_entropy(m: Machine, x: Tensor, labels: Tensor) -> Loss:
    """Mean cross-entropy of ``x`` (batch, classes) against ``labels`` (batch,), in the loss format.

    Or of (batch, tokens, classes) against (batch, tokens): then every token is a row of its own.

    Raises:
        ValueError: ``x`` has more or fewer axes.
    """
    if len(x.shape) != 3:
        expect_rank(x, 2, "batch and classes")
    logits = m.quantise(x, Role.LOSS, "logits").reshaped((x.elements // x.shape[-1], x.shape[-1]))
    loss, gradient = m.softmax_cross_entropy(logits, labels.reshaped((labels.elements,)))
    return Loss(loss, logits, lambda: gradient.reshaped(x.shape))
