"""Rotary embeddings, read from what they do: queries that are equal before them differ by position after them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST_BASE, LARGEST_BASE = 1.0, 1e9
"""What the layer takes, the first not itself."""
ANY_BASE = 10000.0
"""Heads of two channels turn by the position itself, whatever the base."""
ERROR = 3e-7
"""Of angles in float32, for each position, and of the numbers turned by them."""
TOLERANCE = 1e-3
DIGITS = range(1, 8)


@dataclass(frozen=True)
class Rotation:
    """Pairs of channels turn by base^(-2i / d) a position: i and i + d / 2 of ``halves``, else 2i and 2i + 1."""

    base: float
    halves: bool

    def order(self, heads: int, d: int) -> NDArray[np.int64]:
        """The places of rows that put pairs next to each other, as the layer turns them, in each of ``heads``."""
        one = np.arange(d)
        if self.halves:
            one = one.reshape(2, d // 2).T.reshape(-1)
        return (np.arange(heads)[:, None] * d + one).reshape(-1)


def read_rotation(queries: NDArray[Any]) -> Rotation | None:
    """How ``queries`` (heads, tokens, d), equal for all tokens at first, were turned; None where they still are equal.

    Raises:
        ValueError: they were changed in another way.
    """
    size = np.abs(queries).max()
    if not np.abs(queries - queries[:, :1]).max() > TOLERANCE * size:
        return None
    for halves in (False, True):
        turns = _turns(queries, halves) if queries.shape[-1] % 2 == 0 else None
        base = None if turns is None else _base(turns)
        if base is not None:
            return Rotation(base, halves)
    raise ValueError("changed by position, but not turned as rotary embeddings turn")


def turned(x: NDArray[Any], base: float) -> NDArray[Any]:
    """x (..., tokens, d), each pair 2i, 2i + 1 turned by position x base^(-2i / d)."""
    tokens, d = x.shape[-2:]
    angles = np.arange(tokens)[:, None] * base ** (-np.arange(0, d, 2) / d)
    cosine, sine = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    result, a, b = np.empty_like(x), x[..., ::2], x[..., 1::2]
    result[..., ::2], result[..., 1::2] = a * cosine - b * sine, a * sine + b * cosine
    return result


def _turns(queries: NDArray[Any], halves: bool) -> NDArray[Any] | None:
    """By what each pair turned since position 0, as (tokens, d / 2) complex numbers; None where pairs did not turn."""
    half = queries.shape[-1] // 2
    a, b = (queries[..., :half], queries[..., half:]) if halves else (queries[..., ::2], queries[..., 1::2])
    pairs = a + 1j * b
    lengths = np.square(np.abs(pairs[:, 0])).sum(axis=0)
    if not lengths.all():
        return None
    turns: NDArray[Any] = (pairs * pairs[:, :1].conj()).sum(axis=0) / lengths
    off = np.abs(pairs - pairs[:, :1] * turns).max() / np.abs(pairs).max()
    return turns if max(off, np.abs(np.abs(turns) - 1).max()) < TOLERANCE else None


def _base(turns: NDArray[Any]) -> float | None:
    """The base of the angles, as short as their error allows; None where they have none."""
    tokens, half = turns.shape
    if half == 1:
        return ANY_BASE if _fits(turns, ANY_BASE) else None
    angles = np.unwrap(np.angle(turns), axis=0)[-1, 1:] / (tokens - 1)
    # Angles that are lost in the error say nothing.
    pairs = 1 + np.flatnonzero(angles * (tokens - 1) > ERROR)
    if not pairs.size:
        return None
    errors = half / pairs * ERROR * (1 + 1 / angles[pairs - 1] / (tokens - 1))
    best = int(np.argmin(errors))
    found = float(angles[pairs[best] - 1] ** (-half / pairs[best]))
    shorter = (float(f"{found:.{digits}g}") for digits in DIGITS)
    base = next((each for each in shorter if abs(each / found - 1) < errors[best]), found)
    return base if SMALLEST_BASE < base <= LARGEST_BASE and _fits(turns, base) else None


def _fits(turns: NDArray[Any], base: float) -> bool:
    tokens, half = turns.shape
    angles = np.arange(tokens)[:, None] * base ** (-np.arange(half) / half)
    return bool((np.abs(turns - np.exp(1j * angles)).max(axis=1) < TOLERANCE + ERROR * np.arange(tokens)).all())
