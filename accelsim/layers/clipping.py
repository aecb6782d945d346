"""Clipping of gradients by their global norm (Pascanu, Mikolov and Bengio 2013), before the parameters are updated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from accelsim.machine import Machine, Tensor
from accelsim.machine.replicas import Collected
from accelsim.program import Phase

LAYER = "clip_norm"
"""Name in tables of what belongs to no layer."""


def clipping(m: Machine, gradients: Iterable[Collected], clip_norm: float) -> tuple[Iterator[Collected], Tensor]:
    """The gradients again, and the factor that brings their norm down to ``clip_norm``.

    No update starts before the last gradient is known, as the norm is that of all.

    Raises:
        UserError: gradients are integers.
    """
    known, squares = measured(m, gradients, m.sum_of_squares)
    with m.scope(LAYER, Phase.UPDATE):
        return iter(known), m.clip_factor(squares, clip_norm)


def measured(
    m: Machine, gradients: Iterable[Collected], measure: Callable[[Tensor], Tensor]
) -> tuple[list[Collected], list[Tensor]]:
    """All gradients, and what ``measure`` makes of each, under its layer's name."""
    known, found = [], []
    for layer, parameter, gradient in gradients:
        with m.scope(layer, Phase.UPDATE):
            found.append(measure(gradient))
        known.append((layer, parameter, gradient))
    return known, found
