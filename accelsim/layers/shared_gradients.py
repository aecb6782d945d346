"""Gradients of parameters that several layers share, such as an embedding's table and the scores made with it."""

from __future__ import annotations

from collections.abc import Iterator

from accelsim.formats import Role
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.machine.gradients import last_name
from accelsim.program import Phase

Collected = tuple[str, Parameter, Tensor]
"""Layer, parameter and gradient."""


def summed_gradients(m: Machine) -> Iterator[Collected]:
    """Layer, parameter and gradient of all that layers collected, each parameter once: its gradients are added up.

    Sums over the parts of a batch are wider than gradients may be, and take on their format here.
    """
    found: dict[str, list[Collected]] = {}
    for entry in m.gradients:
        found.setdefault(entry[1].name, []).append(entry)
    for (layer, parameter, gradient), *others in found.values():
        total = gradient
        for _, _, other in others:
            with m.scope(layer, Phase.UPDATE):
                total = m.quantise(m.add(total, other, "shared_gradient"), Role.WEIGHT_GRADIENT, "weight_gradient")
        with m.scope(layer, Phase.UPDATE):
            total = m.quantise(total, Role.WEIGHT_GRADIENT, f"{last_name(parameter)}_gradient_total")
        yield layer, parameter, total
