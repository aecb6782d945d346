"""How kernels are compiled and spread over threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])
GRAIN = 1 << 15
"""Elements below which a second thread is not worth waking."""


def compiled(function: F) -> F:
    """Compile at first use and keep the machine code; the interpreter lock is released while it runs."""
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def inlined(function: F) -> F:
    """A scalar step that compiled kernels call in their innermost loop."""
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")(function))


class Workers:
    """A pool that runs ``work(start, stop)`` over slices of a range.

    Slices touch disjoint outputs or exact integer sums, so the number of threads changes no bit.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or _default_threads()
        self.pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None

    def spread(self, total: int, elements_each: int, work: Callable[[int, int], Any], multiple: int = 1) -> list[Any]:
        """Cut ``range(total)`` at multiples of ``multiple`` and return what each slice's ``work`` returned."""
        parts = min(self.threads, max(1, total * elements_each // GRAIN))
        if parts == 1 or self.pool is None:
            return [work(0, total)]
        step = -(-total // (parts * multiple)) * multiple
        slices = [(start, min(start + step, total)) for start in range(0, total, step)]
        return list(self.pool.map(lambda piece: work(*piece), slices))


def _default_threads() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
