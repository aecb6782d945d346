"""Philox4x32-10, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
HALF, ZERO = np.uint64(32), np.uint32(0)


@compiled
def fill(words: Any, first: int, step_low: Any, step_high: Any, seed: Any, tensor: Any) -> None:
    """Counter blocks ``first``, ``first + 1``, ... into ``words`` (blocks x 4, flat, uint32)."""
    for block in range(words.size // 4):
        c0, c1, c2, c3 = np.uint32(first + block), step_low, step_high, ZERO
        k0, k1 = seed, tensor
        for _ in range(10):
            p0, p1 = np.uint64(c0) * M0, np.uint64(c2) * M1
            c0, c1 = np.uint32(np.uint32(p1 >> HALF) ^ c1 ^ k0), np.uint32(p1)
            c2, c3 = np.uint32(np.uint32(p0 >> HALF) ^ c3 ^ k1), np.uint32(p0)
            k0, k1 = np.uint32(k0 + W0), np.uint32(k1 + W1)
        words[4 * block] = c0
        words[4 * block + 1] = c1
        words[4 * block + 2] = c2
        words[4 * block + 3] = c3
