"""Gradients of all machines of a cluster, summed before the update: some at a time, as soon as these are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from accelsim.formats import Role
from accelsim.layers.shared_gradients import added_up, finished
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.machine.exchange import Summand
from accelsim.machine.gradients import last_name
from accelsim.machine.replicas import Collected
from accelsim.program import Phase

LAYER = "all_reduce"
"""Name in tables of what belongs to no layer."""


def whole_gradients(m: Machine) -> Iterator[Collected]:
    """Layer, parameter and gradient of the whole batch, each parameter once, as the update reads it."""
    for collected in _exchanged(m) if m.recipe.exchange else added_up(m):
        yield finished(m, collected)


def _exchanged(m: Machine) -> Iterator[Collected]:
    """Buckets are filled in the order in which layers handed gradients in: the last layer's come first."""
    own = [_own(m, number) for number in m.working(m.recipe.machines)]
    for bucket in _buckets(m, [*zip(*own, strict=True)]):
        with m.scope(LAYER, Phase.ALL_REDUCE):
            sums = m.all_reduce([_summand(alike) for alike in bucket])
        for ((layer, parameter, _), *_), total in zip(bucket, sums, strict=True):
            yield layer, parameter, total


def _own(m: Machine, number: int) -> list[Collected]:
    """The gradients of one machine, as they are sent."""
    with m.replica(number):
        return [(layer, parameter, _sent(m, layer, parameter, g)) for layer, parameter, g in added_up(m)]


def _sent(m: Machine, layer: str, parameter: Parameter, gradient: Tensor) -> Tensor:
    if m.exchanged_role is not Role.EXCHANGED_GRADIENT:
        return gradient
    with m.scope(layer, Phase.ALL_REDUCE):
        return m.quantise(gradient, Role.EXCHANGED_GRADIENT, f"{last_name(parameter)}_gradient_sent")


def _summand(alike: tuple[Collected, ...]) -> Summand:
    """Of what all machines have of one parameter."""
    layer, parameter, _ = alike[0]
    return Summand(f"{parameter.name}_gradient", layer, [x for *_, x in alike])


def _buckets(m: Machine, gradients: Sequence[tuple[Collected, ...]]) -> Iterator[list[tuple[Collected, ...]]]:
    """Neighbours that are sent together, as long as they don't exceed a bucket and are rounded alike; a larger one
    travels alone."""
    bucket: list[tuple[Collected, ...]] = []
    filled, most = 0, m.recipe.exchange.bucket_bytes if m.recipe.exchange else 0
    for alike in gradients:
        layer, _, first = alike[0]
        size = first.spec.bytes
        if bucket and (filled + size > most or m.sum_rule(layer) != m.sum_rule(bucket[0][0][0])):
            yield bucket
            bucket, filled = [], 0
        bucket, filled = [*bucket, alike], filled + size
    if bucket:
        yield bucket
