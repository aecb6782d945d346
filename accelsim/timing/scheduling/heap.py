"""Heaps of integers for compiled functions: the lowest number first."""

from __future__ import annotations

from accelsim.timing.pipelines.jit import inner
from accelsim.timing.pipelines.loops import Integers


@inner
def push(heap: Integers, count: int, value: int) -> None:
    """Add one to a heap of ``count``."""
    at = count
    while at and heap[(at - 1) // 2] > value:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = value


@inner
def pop(heap: Integers, count: int) -> int:
    """Take the lowest of a heap of ``count``."""
    found, value, at = heap[0], heap[count - 1], 0
    while True:
        child = 2 * at + 1
        if child >= count - 1:
            break
        if child + 1 < count - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value
    return int(found)
