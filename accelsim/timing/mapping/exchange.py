"""What an all-reduce takes on the links of a cluster, by closed forms; docs/cluster.md derives them.

Every machine sums its share of the elements, 1 / machines of them, and sends the sums to the others. So an all-reduce
is a reduce-scatter, then an all-gather. All links work at once, and in each round all machines send as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from accelsim.errors import UserError
from accelsim.hardware import Cluster, HardwareConfig
from accelsim.program import Operation, Program
from accelsim.timing.memory.dram_model import exact

SCALE_BYTES = 4
"""Largest magnitude of a machine's share of a tensor, fp32."""


class Round(NamedTuple):
    """``times`` over, every machine sends ``link_bytes`` on each of ``links``, and waits for what it is sent."""

    times: int
    link_bytes: int
    links: int = 1


class Volume(NamedTuple):
    """Bytes of one machine's gradients: as it sends them, as sums on their way, and as sums that come back.

    ``scale``: of what machines tell each other before the sums are rounded, 0 where that is nothing.
    """

    sent: int
    partial: int
    gathered: int
    scale: int = 0


@dataclass(frozen=True)
class ExchangeCost:
    """``cycles``: with latencies; ``transfer_cycles``: of the bytes alone; ``sent_bytes``: by one machine."""

    cycles: int
    transfer_cycles: Fraction
    sent_bytes: int


def exchange_cost(program: Program, operation: Operation, hw: HardwareConfig) -> ExchangeCost:
    """The cost of an operation of the links.

    Raises:
        UserError: the hwconfig has no cluster, or one of another size.
    """
    machines = operation.attributes["machines"]
    if hw.cluster is None or hw.machines != machines:
        raise UserError(f"the program has work for {machines} machines, but hwconfig {hw.name} has {hw.machines}")
    return all_reduce_cost(hw.cluster, volume_of(program, operation), hw.clock_mhz)


def volume_of(program: Program, operation: Operation) -> Volume:
    """What an all-reduce moves."""
    inputs, outputs = program.inputs_of(operation), program.outputs_of(operation)
    sent, gathered = (sum(tensor.bytes for tensor in tensors) for tensors in (inputs, outputs))
    partial = gathered
    if operation.work is not None and not operation.attributes["rounds_each_sum"]:
        partial = operation.work.format.bytes_for(sum(tensor.elements for tensor in outputs))
    return Volume(sent, partial, gathered, 0 if operation.attributes["one_pass"] else SCALE_BYTES * len(outputs))


def all_reduce_cost(cluster: Cluster, volume: Volume, clock_mhz: float) -> ExchangeCost:
    """An all-reduce of so many bytes on the links of ``cluster``."""
    bytes_per_cycle = exact(cluster.link_bytes_per_s) / (exact(clock_mhz) * 1_000_000)
    latency = ceil(exact(cluster.link_latency_ns) * exact(clock_mhz) / 1000)
    rounds = [each for each in ROUNDS[cluster.topology](cluster.machines, volume) if each.times]
    return ExchangeCost(
        cycles=sum(each.times * (ceil(each.link_bytes / bytes_per_cycle) + latency) for each in rounds),
        transfer_cycles=sum((each.times * each.link_bytes / bytes_per_cycle for each in rounds), Fraction(0)),
        sent_bytes=sum(each.times * each.link_bytes * each.links for each in rounds),
    )


def _ring(machines: int, volume: Volume) -> list[Round]:
    """To the next machine alone: a share of the own gradient first, then sums, then finished sums, share by share."""
    sent, partial, gathered = (-(-size // machines) for size in volume[:3])
    scales = [Round(machines - 1, volume.scale)] if volume.scale else []
    return [Round(1, sent), Round(machines - 2, partial), *scales, Round(machines - 1, gathered)]


def _switch(machines: int, volume: Volume) -> list[Round]:
    """To all others over the one link, to each its share; then the own sum to all."""
    shares = [-(-size // machines) for size in (volume.sent, volume.gathered)]
    sizes = [shares[0], *([volume.scale] if volume.scale else []), shares[1]]
    return [Round(1, (machines - 1) * size) for size in sizes]


def _fully_connected(machines: int, volume: Volume) -> list[Round]:
    """The same, over a link to each."""
    return [Round(1, each.link_bytes // (machines - 1), machines - 1) for each in _switch(machines, volume)]


ROUNDS = {"ring": _ring, "switch": _switch, "fully_connected": _fully_connected}
