"""Narrow integer accumulators, which wrap or saturate, and wide operands on narrow multipliers.

Modulo 2**bits an order of addition changes nothing; what saturates depends on it, so it follows the array's:

- an output-stationary array adds one product after another (``"sequential"``);
- weight- and input-stationary arrays of R rows pass a partial sum down a column, then add it to the accumulator:
  runs of R products (an int);
- a dot-product unit adds in a tree of adjacent pairs (``"tree"``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

Order = Literal["sequential", "tree"] | int
Overflow = Literal["wrap", "saturate"]
ExactProduct = Callable[[Any, Any], Any]
"""(m, k) by (k, n) integers to their exact product; floats that hold integers will do."""

OPERAND_BITS = 17
"""16-bit codes, and the bit more that they have once a zero point is subtracted."""
MANTISSA = 53


def accumulate(
    xp: Any,
    a: Any,
    b: Any,
    bits: int,
    overflow: Overflow = "wrap",
    order: Order = "sequential",
    *,
    start: Any = None,
    product: ExactProduct | None = None,
) -> Any:
    """a (m, k) by b (k, n), integers of up to 17 bits, in accumulators of ``bits`` bits; int64.

    ``start`` (broadcast to (m, n)) is what the accumulators hold before: a bias, or the sum so far. ``product`` is a
    faster exact product than the default. Saturating accumulators have at most 62 bits.

    Raises:
        ValueError: a run of products is shorter than 1, or an operand is wider than 17 bits.
    """
    if isinstance(order, int) and order < 1:
        raise ValueError(f"a run holds at least 1 product, not {order}")
    multiply = product or (lambda left, right: exact_product(xp, left, right))
    total = multiply(a, b).astype(xp.int64)
    first = xp.zeros_like(total) if start is None else xp.broadcast_to(xp.asarray(start, dtype=xp.int64), total.shape)
    if overflow == "wrap":
        return wrapped(total + first, bits)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    first = xp.clip(first, low, high)
    total += first
    rows = _may_saturate(xp, a, b, first, high)
    if rows.any():
        total[rows] = _saturating(xp, a[rows], b, (low, high), order, first[rows])
    return total


def wrapped(x: Any, bits: int) -> Any:
    """int64 to two's complement of ``bits`` bits."""
    unused = 64 - bits
    return (x << unused) >> unused


def exact_product(xp: Any, a: Any, b: Any) -> Any:
    """Product of integers of up to 17 bits through double-precision BLAS, int64.

    A block of terms adds up to at most 2**53, so every partial sum is an integer that the mantissa holds.

    Raises:
        ValueError: an operand is wider than 17 bits.
    """
    largest = [_largest(x) for x in (a, b)]
    if max(largest) > 1 << (OPERAND_BITS - 1):
        raise ValueError(f"operands have at most {OPERAND_BITS} bits, but one is {max(largest)}")
    block = (1 << MANTISSA) // max(1, largest[0] * largest[1])
    total = xp.zeros((a.shape[0], b.shape[1]), dtype=xp.int64)
    for at in range(0, a.shape[1], block):
        left, right = a[:, at : at + block].astype(xp.float64), b[at : at + block].astype(xp.float64)
        total += (left @ right).astype(xp.int64)
    return total


def accumulate_in_passes(
    xp: Any,
    a: Any,
    b: Any,
    bits: int,
    overflow: Overflow,
    order: Order,
    slices: tuple[int, int],
    width: int,
    *,
    start: Any = None,
    product: ExactProduct | None = None,
) -> Any:
    """``accumulate`` on multipliers of ``width`` bits: one pass for each pair of slices, the lowest first.

    The multiplier's product is shifted into place before it is added, and a pass goes on from the accumulators that the
    pass before it left. Modulo 2**bits that is the wide product; what saturates may differ.
    """
    total = start
    for left in sliced(a, slices[0], width):
        for right in sliced(b, slices[1], width):
            total = accumulate(xp, left, right, bits, overflow, order, start=total, product=product)
    return total


def sliced(x: Any, count: int, width: int) -> list[Any]:
    """``count`` slices of ``width`` bits that add up to ``x``, each in its place, the lowest first.

    The highest is signed and the others are not: multipliers take a sign bit beside their ``width`` bits.
    """
    if count == 1:
        return [x]
    low = (1 << width) - 1
    return [*(x & (low << width * i) for i in range(count - 1)), x & -(1 << width * (count - 1))]


def _largest(x: Any) -> int:
    return max(int(x.max()), -int(x.min())) if x.size else 0


def _may_saturate(xp: Any, a: Any, b: Any, first: Any, high: int) -> Any:
    """Rows of the result where some partial sum, in some order, could leave the accumulator: |a| by |b| bounds all."""
    if a.shape[1] * _largest(a) * _largest(b) + _largest(first) <= high:
        return xp.zeros(a.shape[0], dtype=bool)
    bound = exact_product(xp, xp.abs(a.astype(xp.int64)), xp.abs(b.astype(xp.int64))) + xp.abs(first)
    return (bound > high).any(axis=1)


def _saturating(xp: Any, a: Any, b: Any, limits: tuple[int, int], order: Order, first: Any) -> Any:
    a, b = a.astype(xp.int64), b.astype(xp.int64)
    products = (a[:, t, None] * b[t] for t in range(a.shape[1]))

    def add(x: Any, y: Any) -> Any:
        return xp.clip(x + y, *limits)

    if order == "tree":
        return add(_tree(xp.zeros_like(first), products, add), first)
    if order == "sequential":
        for term in products:
            first = add(first, term)
        return first
    part, filled = xp.zeros_like(first), 0
    for term in products:
        part, filled = add(part, term), filled + 1
        if filled == order:
            first, part, filled = add(first, part), xp.zeros_like(first), 0
    return add(first, part)


def _tree(zero: Any, terms: Iterator[Any], add: Callable[[Any, Any], Any]) -> Any:
    """Adjacent pairs, level by level, an odd one passing through; sums wait for their neighbour of equal size."""
    waiting: list[tuple[int, Any]] = []
    for term in terms:
        size, value = 1, add(zero, term)
        while waiting and waiting[-1][0] == size:
            size, value = 2 * size, add(waiting.pop()[1], value)
        waiting.append((size, value))
    value = zero
    for _, left in reversed(waiting):
        value = add(left, value)
    return value
