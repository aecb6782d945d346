"""The loader keeps order and says what went wrong where it went wrong, with threads and without."""

from __future__ import annotations

import threading
import time

import pytest

from accelsim.training.loader import prefetched

WORKERS = [0, 1, 3]


def squared(x):
    time.sleep(0.002 * (x % 3))
    return x * x


@pytest.mark.parametrize("workers", WORKERS)
def test_order_is_kept(workers):
    assert list(prefetched(squared, range(20), workers)) == [x * x for x in range(20)]
    assert list(prefetched(squared, [], workers)) == []


@pytest.mark.parametrize("workers", WORKERS)
def test_an_error_comes_where_its_item_would(workers):
    def refuse(x):
        if x == 4:
            raise ValueError("four")
        return x

    found = prefetched(refuse, range(9), workers)
    assert [next(found) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="four"):
        next(found)


@pytest.mark.parametrize("workers", WORKERS)
def test_no_more_than_workers_are_ahead(workers):
    begun = []
    found = prefetched(begun.append, range(50), workers)
    for asked in range(1, 11):
        next(found)
        assert len(begun) <= asked + workers
    found.close()
    after = len(begun)
    time.sleep(0.01)
    assert len(begun) == after


def test_threads_end_with_the_iterator():
    found = prefetched(squared, range(50), 2)
    next(found)
    assert any(thread.name.startswith("loader") for thread in threading.enumerate())
    found.close()
    assert not any(thread.name.startswith("loader") for thread in threading.enumerate())
