"""The shared DRAM channel as a SimPy resource."""

from __future__ import annotations

import math
from collections.abc import Generator

import simpy

from accelsim.hardware import HardwareConfig

Steps = Generator[simpy.Event, None, None]
"""A SimPy process body."""


class DramChannel:
    """Bandwidth and latency only: transfers of all operations are served one at a time, first come first served."""

    def __init__(self, environment: simpy.Environment, hw: HardwareConfig) -> None:
        self._environment = environment
        self._bus = simpy.Resource(environment, capacity=1)
        self._bytes_per_cycle = hw.dram_bytes_per_cycle
        self._latency_cycles = hw.dram_latency_cycles

    def transfer(self, size_bytes: int, *, first: bool) -> Steps:
        """Move one tile; ``first`` of a stream waits for the latency, during which the bus serves others."""
        if first and self._latency_cycles:
            yield self._environment.timeout(self._latency_cycles)
        with self._bus.request() as granted:
            yield granted
            yield self._environment.timeout(math.ceil(size_bytes / self._bytes_per_cycle))
