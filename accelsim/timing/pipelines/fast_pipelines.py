"""The fast run as a SimPy process: the memory system runs ahead from one event of the outside to the next."""

from __future__ import annotations

import simpy

from accelsim.timing.pipelines.channel import FOREVER
from accelsim.timing.pipelines.cycle import Settled, Turn
from accelsim.timing.pipelines.dram_channel import Steps
from accelsim.timing.pipelines.memory_system import MemorySystem, Task
from accelsim.timing.pipelines.running import Running


class FastPipelines:
    """Runs operations on one DRAM channel, periods at a time.

    Whatever may start an operation is an event of the environment. So between now and the next such event, only the
    pipelines at work matter, and the memory system can run ahead.
    """

    def __init__(self, environment: simpy.Environment, system: MemorySystem) -> None:
        self._environment = environment
        self._system = system
        self._running: dict[Task, Running] = {}
        self._tasks: dict[Running, Task] = {}
        self._began = environment.event()
        environment.process(self._run())

    def start(self, start_at: int, priority: int, *, held_back: bool) -> Running:
        task = self._system.start(start_at, priority, self._now, held_back=held_back)
        running = self._running[task] = Running(self._environment)
        self._tasks[running] = task
        self._tell_tail(running)
        if not self._began.triggered:
            self._began.succeed()
        return running

    def release(self, running: Running) -> None:
        self._system.release(self._tasks[running], self._now)
        self._tell_tail(running)

    @property
    def _now(self) -> int:
        return int(self._environment.now)

    def _tell_tail(self, running: Running) -> None:
        if self._system.in_tail(self._tasks[running]):
            running.tailed.succeed()

    def _run(self) -> Steps:
        while True:
            if not self._running:
                self._began = self._environment.event()
                yield self._began
            yield Settled(self._environment, Turn.CHANNEL)
            upcoming = self._environment.peek()
            news = self._system.advance(FOREVER if upcoming == float("inf") else int(upcoming))
            if self._system.now > self._now:
                yield self._environment.timeout(self._system.now - self._now)
            for task in news:
                if task.ended:
                    running = self._running.pop(task)
                    del self._tasks[running]
                    running.ended.succeed(task.stalls)
                else:
                    self._running[task].tailed.succeed()
