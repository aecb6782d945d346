"""Gradients of parameters that several layers share, such as an embedding's table and the scores made with it."""

from __future__ import annotations

from collections.abc import Iterator

from accelsim.formats import Role
from accelsim.machine import Machine
from accelsim.machine.gradients import last_name
from accelsim.machine.replicas import Collected
from accelsim.program import Phase


def added_up(m: Machine) -> Iterator[Collected]:
    """Layer, parameter and gradient of all that layers collected, each parameter once: its gradients are added up."""
    found: dict[str, list[Collected]] = {}
    for entry in m.gradients:
        found.setdefault(entry[1].name, []).append(entry)
    for (layer, parameter, gradient), *others in found.values():
        total = gradient
        for _, _, other in others:
            with m.scope(layer, Phase.UPDATE):
                total = m.quantise(m.add(total, other, "shared_gradient"), Role.WEIGHT_GRADIENT, "weight_gradient")
        yield layer, parameter, total


def finished(m: Machine, collected: Collected) -> Collected:
    """A gradient as the update reads it: sums over parts of a batch, or over machines, are wider or narrower."""
    layer, parameter, total = collected
    with m.scope(layer, Phase.UPDATE):
        return layer, parameter, m.quantise(total, Role.WEIGHT_GRADIENT, f"{last_name(parameter)}_gradient_total")
