"""The shared DRAM channel as a SimPy resource."""

from __future__ import annotations

from collections.abc import Generator

import simpy

from accelsim.hardware import HardwareConfig
from accelsim.timing.dram_model import DramModel

Steps = Generator[simpy.Event, None, None]
"""A SimPy process body."""


class DramChannel:
    """Transfers of all operations are served one at a time, first come first served."""

    def __init__(self, environment: simpy.Environment, hw: HardwareConfig) -> None:
        self._environment = environment
        self._bus = simpy.Resource(environment, capacity=1)
        self._model = DramModel.of(hw)

    def transfer(self, size_bytes: int, *, first: bool) -> Steps:
        """Move one tile; ``first`` of a stream waits for the latency, during which the bus serves others."""
        if first and self._model.latency_cycles:
            yield self._environment.timeout(self._model.latency_cycles)
        with self._bus.request() as granted:
            yield granted
            yield self._environment.timeout(self._model.cost(size_bytes, write=False).stream_cycles)
