"""Softmax cross-entropy: the loss that ends every network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from accelsim.formats import Role
from accelsim.layers.layer import expect_rank
from accelsim.machine import Machine, Tensor
from accelsim.yamlfile import FileModel


class LossField(FileModel):
    """Softmax cross-entropy."""

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of every target that is spread over all classes (Szegedy et al. 2016), in training alone."""


@dataclass(frozen=True)
class Loss:
    """Mean loss (1,), the logits as the loss saw them (rows, classes), and the gradient of the logits."""

    loss: Tensor
    logits: Tensor
    backward: Callable[[], Tensor]


def softmax_cross_entropy(m: Machine, x: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Loss:
    """Mean cross-entropy of ``x`` (batch, classes) against ``labels`` (batch,), in the loss format.

    Or of (batch, tokens, classes) against (batch, tokens): then every token is a row of its own. An evaluation smooths
    no labels.

    Raises:
        ValueError: ``x`` has more or fewer axes.
    """
    if len(x.shape) != 3:
        expect_rank(x, 2, "batch and classes")
    logits = m.quantise(x, Role.LOSS, "logits").reshaped((x.elements // x.shape[-1], x.shape[-1]))
    smoothing = label_smoothing if m.training else 0.0
    loss, gradient = m.softmax_cross_entropy(logits, labels.reshaped((labels.elements,)), smoothing)
    return Loss(loss, logits, lambda: gradient.reshaped(x.shape))
