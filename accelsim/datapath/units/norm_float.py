"""Normalisation in floating point: sums are taken in double precision and rounded once to the input's format.

All arrays are (rows, columns), with a mean and a spread for each column.
"""

from __future__ import annotations

from typing import Any


def mean(x: Any) -> Any:
    """Mean of each column."""
    return x.mean(axis=0, dtype="float64").astype(x.dtype)


def deviation(x: Any, epsilon: float, *, inside: bool) -> Any:
    """sqrt(variance + epsilon), or sqrt(variance) + epsilon where that is not ``inside``."""
    variance = x.var(axis=0, dtype="float64")
    return ((variance + epsilon) ** 0.5 if inside else variance**0.5 + epsilon).astype(x.dtype)


def scaled_range(xp: Any, x: Any, chunks: int, constant: float, epsilon: float) -> tuple[Any, Any]:
    """constant x mean over chunks of (max - min) + epsilon, and the rows of the extremes."""
    size = x.shape[0] // chunks
    parts = x[: size * chunks].reshape(chunks, size, -1)
    starts = size * xp.arange(chunks)[:, None]
    extremes = xp.stack([parts.argmax(axis=1) + starts, parts.argmin(axis=1) + starts]).astype("int32")
    span = (parts.max(axis=1).astype("float64") - parts.min(axis=1)).mean(axis=0)
    return (span * constant + epsilon).astype(x.dtype), extremes


def absolute_deviation(xp: Any, x: Any, centre: Any, constant: float, epsilon: float) -> tuple[Any, Any]:
    """constant x mean of |x - mean| + epsilon, and the sum of the signs."""
    d = x - centre
    spread = abs(d).mean(axis=0, dtype="float64") * constant + epsilon
    return spread.astype(x.dtype), xp.sign(d).sum(axis=0, dtype="float64").astype("int32")


def divisor(spread: Any) -> Any:
    """What divides: the spread, or infinity where it is zero, so that such a column becomes zero."""
    safe = spread.copy()
    safe[spread == 0] = float("inf")
    return safe


def normalise(x: Any, centre: Any, spread: Any, gamma: Any, beta: Any) -> Any:
    """gamma (x - mean) / spread + beta."""
    return (x - centre) * (gamma / divisor(spread)) + beta


def standardise(x: Any, centre: Any, spread: Any) -> Any:
    """(x - mean) / spread."""
    return (x - centre) / divisor(spread)


def products(g: Any, standardised: Any) -> tuple[Any, Any]:
    """Sums of g and of g times the standardised x."""
    weighted = (g * standardised).sum(axis=0, dtype="float64")
    return g.sum(axis=0, dtype="float64").astype(g.dtype), weighted.astype(g.dtype)


def range_backward(xp: Any, g: Any, gain: Any, extremes: Any, sums: tuple[Any, Any], constant: float) -> Any:
    """Input gradient of range norm; the spread's gradient is shared by the extremes of all chunks.

    ``gain`` is gamma / spread, ``sums`` those of ``products`` (here and in the next two).
    """
    beta_sum, gamma_sum = sums
    chunks, columns = extremes.shape[1], xp.arange(g.shape[1])
    e = g - beta_sum / g.dtype.type(g.shape[0])
    share = gamma_sum * g.dtype.type(constant / chunks)
    for chunk in range(chunks):
        e[extremes[0, chunk], columns] -= share
        e[extremes[1, chunk], columns] += share
    return e * gain


def backward(g: Any, standardised: Any, gain: Any, sums: tuple[Any, Any], spread: Any, outside: float) -> Any:
    """Input gradient of norm by the standard deviation; ``outside`` is the epsilon in ``spread`` (0 where inside)."""
    rows = g.dtype.type(g.shape[0])
    if outside:
        standardised = standardised * (spread / divisor(spread - g.dtype.type(outside)))
    return (g - sums[0] / rows - standardised * (sums[1] / rows)) * gain


def l1_backward(g: Any, signs: Any, sign_sum: Any, gain: Any, sums: tuple[Any, Any], constant: float) -> Any:
    """Input gradient of l1 norm; ``signs`` are those of x - mean."""
    rows = g.dtype.type(g.shape[0])
    share = sums[1] * (g.dtype.type(constant) / rows)
    return (g - sums[0] / rows - share * (signs - sign_sum.astype(g.dtype) / rows)) * gain
