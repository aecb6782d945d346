"""Prepare what the training needs next while it is still at work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def prefetched(make: Callable[[Item], Made], items: Iterable[Item], workers: int) -> Generator[Made, None, None]:
    """``make`` of each item, in order; ``workers`` threads are that many items ahead, and 0 makes each when asked.

    What ``make`` raises is raised where its item would have come. Closing the iterator drops what is not begun.
    """
    if not workers:
        yield from map(make, items)
        return
    waiting: deque[Future[Made]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="loader")
    try:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
