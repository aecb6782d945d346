"""Sines and cosines of rotary embeddings in fixed point, from integers alone, so that no library's decide a bit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext

FRACTION_BITS = 96
"""Of all numbers here; every position adds an error of a few units."""
DIGITS = 50
"""Of the angles of position 1, and of their sines and cosines."""


def rotation_rows(tokens: int, d: int, base: float) -> Iterator[list[int]]:
    """Of each position d / 2 cosines, then as many sines, of position x base^(-2i / d), with ``FRACTION_BITS``.

    Position 1 from series; each of the others is the one before it, turned by position 1.
    """
    steps = [_unit(i, d, base) for i in range(d // 2)]
    half = 1 << (FRACTION_BITS - 1)
    turned = [(1 << FRACTION_BITS, 0)] * len(steps)
    for _ in range(tokens):
        yield [*(c for c, _ in turned), *(s for _, s in turned)]
        turned = [
            ((c * x - s * y + half) >> FRACTION_BITS, (s * x + c * y + half) >> FRACTION_BITS)
            for (c, s), (x, y) in zip(turned, steps, strict=True)
        ]


def in_fixed_point(number: int, bits: int) -> int:
    """A number of the table with ``bits`` fraction bits, rounded half up."""
    drop = FRACTION_BITS - bits
    return (number + (1 << (drop - 1))) >> drop


def _unit(i: int, d: int, base: float) -> tuple[int, int]:
    """Cosine and sine of base^(-2i / d), which is 1 at most, by their series."""
    with localcontext() as context:
        context.prec = DIGITS
        angle = Decimal(base) ** (Decimal(-2 * i) / d)
        sums, term, n = [Decimal(0), Decimal(0)], Decimal(1), 0
        while abs(term) > Decimal(10) ** -DIGITS:
            sums[n % 2] += -term if n % 4 > 1 else term
            n += 1
            term = term * angle / n
        cosine, sine = (int((part * (1 << FRACTION_BITS)).to_integral_value()) for part in sums)
    return cosine, sine
