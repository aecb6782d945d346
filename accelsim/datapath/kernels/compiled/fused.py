"""Several steps over one block of rows after another, so that what lies between them stays in the cache.

Each step is a loop of its own, in another file. ``scaling`` is (mantissa, constant, shift, fraction bits) of
``channels.scale_lanes``; ``near`` is (mantissa, exponent, low, high) and ``dither`` (mantissa, shift, random bits, low,
high) of a rounding, ``key`` that of ``stochastic``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import loops, stochastic
from accelsim.datapath.kernels.compiled.channels import channel_products, channel_sums, scale_lanes, widen
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.philox import fill

BLOCK = 1 << 14
"""Elements of a block: as words and as codes they stay in the second-level cache, and the cost of a call is small."""
STRIP = 1 << 11
"""Elements of a block that is only written and read again: they stay in the first-level cache."""
EIGHT = 8
"""Rows of a block are a multiple of it, so that each block begins with a new counter of random bits."""

SUMMED = 1 << 8
"""Rows of a block whose sums of 2**15 x 2**7 stay below 2**31."""

requantise_any, requantise_down = loops.requantise, loops.requantise_down
dither_any, dither_down = stochastic.requantise, stochastic.requantise_down
add_any, add_unsaturated, mask = loops.add, loops.add_unsaturated, loops.relu_backward


def block_rows(lanes: int) -> int:
    """Rows of a block."""
    return max(1, BLOCK // (lanes * EIGHT)) * EIGHT


@compiled
def round_nearest(words: Any, out: Any, mantissa: int, exponent: int, low: int, high: int) -> None:
    """``reference.requantise`` of int32."""
    if exponent <= 0 and mantissa >= 0:
        requantise_down(words, out, mantissa, -exponent, low, high)
    else:
        requantise_any(words, out, mantissa, max(exponent, 0), max(-exponent, 0), low, high)


@compiled
def round_dithered(words: Any, out: Any, first: int, key: Any, dither: Any) -> None:
    """``reference.requantise_stochastic`` of int32, from element ``first`` on."""
    mantissa, shift, bits, low, high = dither
    if shift >= 31:
        dither_down(words, out, first, key, mantissa, shift, bits, low, high)
    else:
        dither_any(words, out, first, key, mantissa, shift, bits, low, high)


@compiled
def narrow_scaled(
    source: Any, scaling: Any, rows: int, nearest: Any, near: Any, dithered: Any, dither: Any, first: int, key: Any
) -> None:
    """Scaled rows (rows, lanes) to codes: rounded to ``nearest``, ``dithered``, or both; one of them may be empty.

    ``first`` is the number of the first element.
    """
    lanes = source.shape[1]
    mantissa, constant, shift, bits = scaling
    buffer = np.empty((rows, lanes), dtype=np.int32)
    for at in range(0, source.shape[0], rows):
        codes = source[at : at + rows]
        words = buffer[: codes.shape[0]]
        scale_lanes(codes, words, mantissa, constant, shift, bits)
        flat, start, stop = words.reshape(words.size), at * lanes, at * lanes + words.size
        if nearest.size:
            round_nearest(flat, nearest[start:stop], near[0], near[1], near[2], near[3])
        if dithered.size:
            round_dithered(flat, dithered[start:stop], first + start, key, dither)


@compiled
def scaled_at(codes: Any, places: Any, channels: int, scaling: Any, words: Any) -> None:
    """The words of a few ``places`` of the flat ``codes``."""
    mantissa, constant, shift, bits = scaling
    for i in range(places.size):
        c = places[i] % channels
        words[i] = ((np.int64(codes[places[i]]) << bits) * np.int64(mantissa[c]) + constant[c]) >> shift[c]


@compiled
def patch_nearest(words: Any, places: Any, out: Any, near: Any) -> None:
    """The codes of ``words`` (int32) at ``places`` of the flat ``out``."""
    codes = np.empty(words.size, dtype=out.dtype)
    round_nearest(words, codes, near[0], near[1], near[2], near[3])
    for i in range(places.size):
        out[places[i]] = codes[i]


@compiled
def patch_dithered(words: Any, places: Any, out: Any, key: Any, dither: Any) -> None:
    """``patch_nearest`` with the random bits of each place."""
    mantissa, shift, bits, low, high = dither
    up, down, pair = max(0, shift - bits), max(0, bits - shift), np.empty(2, dtype=np.uint64)
    for i in range(places.size):
        place = places[i]
        fill(pair, place // EIGHT, key[0], key[1], key[2], key[3])
        random = np.int64(pair.view(np.uint16)[place % EIGHT] >> (16 - bits))
        y = (np.int64(words[i]) * mantissa + ((random << up) >> down)) >> shift
        out[place] = min(max(y, low), high)


@compiled
def add_scaled(source: Any, scaling: Any, rows: int, other: Any, out: Any, numbers: Any, fits: bool) -> Any:
    """Scaled rows (rows, lanes) plus the flat ``other``, each by its multiplier; returns the largest magnitude."""
    lanes, peak = source.shape[1], np.int64(0)
    mantissa, constant, shift, bits = scaling
    buffer = np.empty((rows, lanes), dtype=np.int32)
    for at in range(0, source.shape[0], rows):
        codes = source[at : at + rows]
        words = buffer[: codes.shape[0]]
        scale_lanes(codes, words, mantissa, constant, shift, bits)
        flat, start, stop = words.reshape(words.size), at * lanes, at * lanes + words.size
        peak = max(peak, add(flat, other[start:stop], out[start:stop], numbers, fits))
    return peak


@compiled
def add(a: Any, b: Any, out: Any, numbers: Any, fits: bool) -> Any:
    """Both operands by their multipliers; ``fits`` says that no sum leaves int32."""
    if fits:
        return add_unsaturated(a, b, out, numbers[0], numbers[1], numbers[2], numbers[3])
    return add_any(a, b, out, numbers[0], numbers[1], numbers[2], numbers[3])


@compiled
def add_masked(a: Any, b: Any, y: Any, out: Any, numbers: Any, fits: bool) -> Any:
    """``add`` where y > 0, else 0; returns the largest magnitude."""
    peak, buffer = np.int64(0), np.empty(min(STRIP, a.size), dtype=np.int32)
    for start in range(0, a.size, STRIP):
        stop = min(start + STRIP, a.size)
        words = buffer[: stop - start]
        add(a[start:stop], b[start:stop], words, numbers, fits)
        peak = max(peak, mask(words, y[start:stop], out[start:stop]))
    return peak


@compiled
def narrow_and_sum(
    words: Any, other: Any, rows: int, out: Any, near: Any, sums: Any, products: Any, high: Any, low: Any
) -> None:
    """Words (rows, lanes) rounded to int16 codes; by lane, what they add to ``sums``, times int8 ``other`` to
    ``products`` (int64), and their extremes.

    ``rows`` is at most ``SUMMED``.
    """
    partial = np.zeros(words.shape[1], dtype=np.int32)
    for at in range(0, words.shape[0], rows):
        source, codes, beside = words[at : at + rows], out[at : at + rows], other[at : at + rows]
        round_nearest(source.reshape(source.size), codes.reshape(codes.size), near[0], near[1], near[2], near[3])
        channel_sums(codes, partial, SUMMED, sums)
        channel_products(codes, beside, partial, SUMMED, products)
        widen(codes, high, low)
