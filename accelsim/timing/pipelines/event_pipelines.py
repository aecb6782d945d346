"""The event run of pipelines: SimPy processes for an operation's unit and its DMA engine, one event a piece.

It is what the timing model means; ``memory_system`` gives the same results in fewer steps.
"""

from __future__ import annotations

import numpy as np
import simpy

from accelsim.errors import InternalError
from accelsim.timing.pipelines.dram_channel import DramChannel, Steps
from accelsim.timing.pipelines.loops import Loops
from accelsim.timing.pipelines.running import Running
from accelsim.timing.pipelines.stages import (
    NO_REQUEST,
    STORE_REQUEST,
    Field,
    begin,
    finish,
    finish_transfer,
    finish_work,
    release,
    settle,
)
from accelsim.timing.pipelines.stalls import COUNTS


class EventPipelines:
    """Runs operations on one DRAM channel, piece by piece; ``ahead``: it turns round ahead (``DramChannel``)."""

    def __init__(
        self, environment: simpy.Environment, loops: Loops, depths: tuple[int, int, int], *, ahead: bool = False
    ) -> None:
        self._environment = environment
        self._loops = loops
        self._depths = depths
        self._channel = DramChannel(environment, ahead=ahead)

    def start(self, start_at: int, priority: int, *, held_back: bool) -> Running:
        running = _Pipeline(self._environment, self._channel, self._loops, priority)
        begin(running.fields, self._loops.code, start_at, self._depths, running.now, held_back)
        running.settle()
        return running

    def release(self, running: Running) -> None:
        if not isinstance(running, _Pipeline):
            raise InternalError(f"{running} was not started here")
        release(running.fields, running.now)
        running.settle()


class _Pipeline(Running):
    def __init__(self, environment: simpy.Environment, channel: DramChannel, loops: Loops, priority: int) -> None:
        super().__init__(environment)
        self.fields = np.zeros(Field.END, np.int64)
        self._stored = environment.event()
        self._environment = environment
        self._channel = channel
        self._loops = loops
        self._priority = priority
        self._work_began = environment.event()
        self._requested = environment.event()
        environment.process(self._work())
        environment.process(self._move())
        environment.process(self._end())

    @property
    def now(self) -> int:
        return int(self._environment.now)

    def settle(self) -> None:
        """Start what can start, and wake the processes that had nothing to do before."""
        worked, moved = self.fields[Field.WORKING], self.fields[Field.REQUEST] != NO_REQUEST
        settle(self.fields, self._loops.code, self._loops.steps, self.now)
        if self.fields[Field.WORKING] and not worked:
            self._work_began.succeed()
        if self.fields[Field.REQUEST] != NO_REQUEST and not moved:
            self._requested.succeed()
        if self.fields[Field.IN_TAIL] and not self.tailed.triggered:
            self.tailed.succeed()
        if self.fields[Field.DONE]:
            self._stored.succeed()

    def _work(self) -> Steps:
        while True:
            yield self._work_began
            self._work_began = self._environment.event()
            yield self._environment.timeout(int(self.fields[Field.WORK_CYCLES]))
            finish_work(self.fields, self.now)
            self.settle()

    def _move(self) -> Steps:
        while True:
            yield self._requested
            self._requested = self._environment.event()
            if latency := int(self.fields[Field.REQUEST_LATENCY]):
                yield self._environment.timeout(latency)
            turnaround = waited = 0
            if cycles := int(self.fields[Field.REQUEST_CYCLES]):
                turnaround, waited = yield from self._channel.transfer(
                    cycles,
                    int(self.fields[Field.REQUEST_TURNAROUND]),
                    write=self.fields[Field.REQUEST] == STORE_REQUEST,
                    priority=self._priority,
                )
            if lag := int(self.fields[Field.REQUEST_LAG]):
                yield self._environment.timeout(lag)
            finish_transfer(self.fields, self._loops.code, self._loops.steps, self.now, turnaround, waited)
            self.settle()

    def _end(self) -> Steps:
        yield self._stored
        still = int(self.fields[Field.ARRIVAL]) - self.now
        if still > 0:
            yield self._environment.timeout(still)
        finish(self.fields, self.now)
        self.ended.succeed(self.fields[Field.STALLS : Field.STALLS + COUNTS].tolist())
