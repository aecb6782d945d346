"""Points in several processes at once, each handed out when one is free, so that an end loses none in waiting."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.errors import UserError

if TYPE_CHECKING:
    from accelsim.hardware import HardwareConfig
    from accelsim.studies.sweep.asked import Asked, Point
    from accelsim.studies.sweep.runner import Outcome, PointRunner

Task = tuple["Point", "HardwareConfig | None"]
"""A point, and the machine that it is to run as."""
Next = Callable[[], Task | None]
Done = Callable[[Task, "Outcome"], None]
_runner: PointRunner | None = None
"""Of a worker process."""


def usable_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_tasks(asked: Asked, folder: Path | None, jobs: int, next_task: Next, done: Done) -> None:
    """Run what ``next_task`` gives until it gives None, at most ``jobs`` at once; ``done`` hears of each outcome.

    Raises:
        UserError: a process ended without a word.
        KeyboardInterrupt: from outside; points at work have kept what they had.
    """
    if jobs == 1:
        from accelsim.studies.sweep.runner import PointRunner

        runner = PointRunner(asked, folder)
        while task := next_task():
            done(task, runner.run(*task))
        return
    others = set(multiprocessing.active_children())
    with _threads_each(jobs):
        pool = ProcessPoolExecutor(
            jobs, multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(asked, folder)
        )
        try:
            _hand_out(pool, jobs, next_task, done)
            pool.shutdown()
        except BaseException as error:
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            pool.shutdown(cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise UserError(
                    "a process of the sweep ended without a word, perhaps for want of memory; try fewer --jobs"
                ) from error
            raise


def _hand_out(pool: ProcessPoolExecutor, jobs: int, next_task: Next, done: Done) -> None:
    running: dict[Future[Outcome], Task] = {}
    more = True
    while True:
        while more and len(running) < jobs:
            task = next_task()
            more = task is not None
            if task:
                with _deaf_children():
                    running[pool.submit(_run, task)] = task
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            done(running.pop(future), future.result())


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started in the block hear of Ctrl-C through the sweep alone, which ends them one by one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare(asked: Asked, folder: Path | None) -> None:
    """In a new process: end when the sweep does, however it ends."""
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    from accelsim.studies.sweep.runner import PointRunner

    global _runner  # noqa: PLW0603 - a process pool hands nothing else on
    _runner = PointRunner(asked, folder)


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _run(task: Task) -> Outcome:
    if _runner is None:
        raise RuntimeError("a worker that was not prepared")
    try:
        return _runner.run(*task)
    finally:
        parent = multiprocessing.parent_process()
        if parent and not parent.is_alive():
            os._exit(1)  # a training has heard SIGTERM in place of this process, which would wait for more tasks


@contextlib.contextmanager
def _threads_each(jobs: int) -> Iterator[None]:
    """Share the CPUs out: what processes started in the block read of their threads."""
    wanted = {"OMP_NUM_THREADS": max(1, usable_cpus() // jobs), "OPENBLAS_NUM_THREADS": 1, "MKL_NUM_THREADS": 1}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update({name: str(count) for name, count in wanted.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
