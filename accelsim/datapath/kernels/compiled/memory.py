"""Memory of large arrays."""

from __future__ import annotations

import ctypes
from functools import cache
from math import prod
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled

LINE = 64
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
LARGEST, KEPT, AHEAD = 32 << 20, (1 << 31) - 1, 64 << 20
"""glibc takes no mmap threshold above 32 MiB; larger arrays go back to the system as before."""


@cache
def keep_freed_memory() -> None:
    """Have glibc's allocator keep what large arrays free, for the process: a step reuses the arrays of the one before.

    By default each large array is mapped afresh and every page of it faults again. Does nothing elsewhere.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):
        return
    for parameter, value in ((M_MMAP_THRESHOLD, LARGEST), (M_TRIM_THRESHOLD, KEPT), (M_TOP_PAD, AHEAD)):
        mallopt(parameter, value)


@compiled
def _before_line(raw: Any) -> Any:
    """Bytes from the start of an array to the next cache line."""
    return -raw.ctypes.data % LINE


def aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """An uninitialised array that starts on a cache line, so that no vector of it crosses one."""
    dtype = np.dtype(dtype)
    raw = np.empty(prod(shape) * dtype.itemsize + LINE, dtype=np.uint8)
    return np.ndarray(shape, dtype, raw, _before_line(raw))
