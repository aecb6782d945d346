"""Philox4x32-10, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
HALF, MASK = np.uint64(32), np.uint64(0xFFFFFFFF)


@compiled
def fill(pairs: Any, first: int, step_low: Any, step_high: Any, seed: Any, tensor: Any) -> None:
    """Counter blocks ``first``, ``first + 1``, ... into ``pairs`` (blocks x 2, flat): two words in each uint64.

    32-bit words travel in uint64, as the vector unit multiplies them: it reads low halves, so high ones hold anything.
    """
    for block in range(pairs.size // 2):
        c0, c1, c2, c3 = np.uint64(first + block), step_low, step_high, np.uint64(0)
        k0, k1 = seed, tensor
        for _ in range(10):
            p0, p1 = (c0 & MASK) * M0, (c2 & MASK) * M1
            c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1, (p0 >> HALF) ^ c3 ^ k1, p0
            k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
        pairs[2 * block] = (c0 & MASK) | c1 << HALF
        pairs[2 * block + 1] = (c2 & MASK) | c3 << HALF
