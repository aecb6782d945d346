"""Weights of a product of 16-bit codes as the tiles read them, and where sums have to be flushed into 64 bits.

Weights are whole words where few flushes keep their products within 32 bits, as with codes that are not all at their
extremes: |sum x w| <= max |x| times the sum of |w|. Else each is split into two digits of a byte (``wide.tile``), which
lie side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.convolve import Pair
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.memory import aligned
from accelsim.datapath.kernels.compiled.tile import LANES
from accelsim.datapath.kernels.compiled.wide.tile import PAIR

LEAST_STEPS = 12
"""Steps between two flushes, on average, from which whole words are faster than digits."""


def packed_words(w: Any, axes: Pair, channels: int, largest: int) -> tuple[Any, Any]:
    """Right operand (blocks, steps, planes, lanes, two terms), int16, and the steps before which sums are flushed."""
    rows, columns = (np.array(axis.taps) for axis in axes)
    blocks, steps = -(-w.shape[0] // LANES), rows.size * columns.size * channels // PAIR
    ends = np.empty(steps, dtype=np.int64)
    for planes in (1, 2):
        packed = aligned((blocks, steps, planes, LANES, PAIR), np.int16)
        if channels != w.shape[3] or blocks * LANES != w.shape[0]:
            packed[:] = 0
        _pack(w, rows, columns, channels // PAIR, packed)
        count = _flushes(packed.reshape(blocks, steps, planes * LANES * PAIR), largest, ends)
        if count and count * LEAST_STEPS <= steps + LEAST_STEPS:
            break
    return packed, ends[:count]


@compiled
def _flushes(packed: Any, largest: int, ends: Any) -> Any:
    """Find the steps at which runs end whose sums fit 32 bits, at most |w| by ``largest`` added up; their number.

    0 where a single step may not fit, which two digits always do.
    """
    blocks, steps, terms = packed.shape
    most = ((np.int64(1) << 31) - 1) // max(largest, 1)
    sums, count = np.zeros((2, blocks, terms // 2), dtype=np.int64), 0
    for step in range(steps):
        highest, alone = np.int64(0), np.int64(0)
        for block in range(blocks):
            words, total, own = packed[block, step], sums[0, block], sums[1, block]
            for lane in range(own.size):
                own[lane] = abs(np.int64(words[2 * lane])) + abs(np.int64(words[2 * lane + 1]))
                total[lane] += own[lane]
                highest, alone = max(highest, total[lane]), max(alone, own[lane])
        if alone > most:
            return 0
        if highest > most:
            ends[count] = step
            count += 1
            for block in range(blocks):
                for lane in range(terms // 2):
                    sums[0, block, lane] = sums[1, block, lane]
    ends[count] = steps
    return count + 1


@compiled
def _pack(w: Any, rows: Any, columns: Any, each: int, packed: Any) -> None:
    """``each`` steps for a tap; w = low + 256 high, with low from -128 to 127."""
    split = packed.shape[2] == 2
    for output in range(w.shape[0]):
        block, lane = output // LANES, output % LANES
        for i in range(rows.size):
            for j in range(columns.size):
                codes, first = w[output, rows[i], columns[j]], (i * columns.size + j) * each
                for c in range(codes.size):
                    digits, term = packed[block, first + c // 2, :, lane], c % 2
                    if split:
                        high = (np.int64(codes[c]) + 128) >> 8
                        digits[0, term], digits[1, term] = codes[c] - (high << 8), high
                    else:
                        digits[0, term] = codes[c]
