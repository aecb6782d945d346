"""Which of the operations that wait for a unit, or for DRAM, comes first."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from accelsim.program import SERIAL_PATH, Operation, Phase


class Service(StrEnum):
    """An order of service."""

    PHASES = "phases"
    """Forward and the chain of data gradients, the serial path, first; then weight gradients, then what machines
    of a cluster exchange, then updates."""
    CHAINS = "chains"
    """What begins the longest chain of operations that wait for one another first, as list schedulers do (the upward
    rank of Topcuoglu et al., IEEE TPDS 13, 2002)."""


_PHASE_PRIORITY = {**dict.fromkeys(SERIAL_PATH, 0), Phase.WEIGHT_GRADIENT: 1, Phase.ALL_REDUCE: 2, Phase.UPDATE: 3}


def priorities(service: Service, operations: Sequence[Operation], chain_cycles: Sequence[int]) -> list[int]:
    """Of each operation, from 0, which is first; equals are in issue order.

    ``chain_cycles``: from the start of each to the end of the longest chain that it begins.
    """

    def key(index: int) -> tuple[int, int]:
        first = _PHASE_PRIORITY[operations[index].phase] if service is Service.PHASES else -chain_cycles[index]
        return first, index

    ranked = [0] * len(operations)
    for rank, index in enumerate(sorted(range(len(operations)), key=key)):
        ranked[index] = rank
    return ranked
