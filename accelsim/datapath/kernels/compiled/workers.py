"""Threads that share the slices of one kernel call.

A call costs microseconds, less than the kernel wakes a sleeping thread in: a worker that has just finished looks for
the next call for a moment before it sleeps, the calling thread takes slices itself, and slices are taken as threads
come free, so that a thread that the system has put aside delays nothing but its own slice.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.spin import wait_while

Work = Callable[[int, int], Any]
GRAIN = 1 << 18
"""Elements below which a slice is not worth handing over."""
SLICES = 4
"""Slices for each thread: what is left uneven at the end of a call is at most one of them."""
PATIENCE = 20000
"""Looks before a waiting thread sleeps: about half a millisecond, longer than the calling thread takes from one call
to the next."""


class Job:
    """One call: its slices, who took which, and what came back."""

    def __init__(self, work: Work, slices: list[tuple[int, int]]) -> None:
        self.work = work
        self.slices = slices
        self.results: list[Any] = [None] * len(slices)
        self.failure: BaseException | None = None
        self.is_over = False
        self.flag = np.zeros(1, dtype=np.int64)
        self._finished: SimpleQueue[None] = SimpleQueue()
        # Each next() is one step under the interpreter lock, so no slice is taken or counted twice.
        self._taken, self._done = count(), count(1)

    def help(self) -> bool:
        """Run slices until none is left; True for the thread that finished the last one."""
        last = False
        while (index := next(self._taken)) < len(self.slices):
            try:
                self.results[index] = self.work(*self.slices[index])
            except BaseException as error:
                self.failure = error
            last = next(self._done) == len(self.slices)
        return last

    def finish(self) -> list[Any]:
        """Take the slices that are left, wait for those of others, and return all results; once or more often."""
        if not self.is_over:
            if not self.help():
                self.wait()
            self.is_over = True
            # A worker that comes late finds no slice left; it must not keep the arrays alive until then.
            del self.work
        if self.failure is not None:
            raise self.failure
        return self.results

    def announce(self) -> None:
        """Tell the calling thread that all slices are done."""
        self._finished.put(None)
        self.flag[0] = 1

    def wait(self) -> None:
        """Until another thread has announced the end."""
        wait_while(self.flag, 0, PATIENCE)
        self._finished.get()


class Workers:
    """Runs ``work(start, stop)`` over slices of a range.

    Slices write disjoint outputs (or the same bytes where they overlap) or return exact integer sums, so neither the
    number of threads nor their order changes a bit.
    """

    def __init__(self, threads: int | None = None, grain: int = GRAIN) -> None:
        self.threads = threads or _default_threads()
        self.grain = grain
        self._calls = np.zeros(1, dtype=np.int64)
        self._queues: list[SimpleQueue[Job | None]] = [SimpleQueue() for _ in range(self.threads - 1)]
        for queue in self._queues:
            threading.Thread(target=_serve, args=(queue, self._calls), daemon=True).start()
        weakref.finalize(self, _dismiss, self._queues)

    def spread(self, total: int, elements_each: int, work: Work, multiple: int = 1) -> list[Any]:
        """Cut ``range(total)`` at multiples of ``multiple`` and return what each slice's ``work`` returned."""
        if total * elements_each < 2 * self.grain:
            return [work(0, total)]
        return self.start(total, elements_each, work, multiple)()

    def start(self, total: int, elements_each: int, work: Work, multiple: int = 1) -> Callable[[], list[Any]]:
        """``spread`` that leaves the slices to other threads, behind those handed over before; the function returned
        takes what is left of them and waits. What is not worth handing over is done at once."""
        parts = min(self.threads * SLICES, total * elements_each // self.grain)
        if parts <= 1 or not self._queues:
            results = [work(0, total)]
            return lambda: results
        step = -(-total // (parts * multiple)) * multiple
        job = Job(work, [(start, min(start + step, total)) for start in range(0, total, step)])
        for queue in self._queues:
            queue.put(job)
        self._calls[0] += 1
        return job.finish


def _serve(queue: SimpleQueue[Job | None], calls: Any) -> None:
    while (job := queue.get()) is not None:
        seen = int(calls[0])
        if job.help():
            job.announce()
        del job
        if queue.empty():
            wait_while(calls, seen, PATIENCE)


def _dismiss(queues: list[SimpleQueue[Job | None]]) -> None:
    for queue in queues:
        queue.put(None)


def _default_threads() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
