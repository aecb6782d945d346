"""Norms by range and by l1 in floating point: sums are taken in double precision and rounded once.

All arrays are (rows, columns), with a mean and a spread for each column.
"""

from __future__ import annotations

from typing import Any


def scaled_range(xp: Any, x: Any, chunks: int, constant: float, epsilon: float) -> tuple[Any, Any]:
    """constant x mean over chunks of (max - min) + epsilon, and the rows of the extremes."""
    size = x.shape[0] // chunks
    parts = x[: size * chunks].reshape(chunks, size, -1)
    starts = size * xp.arange(chunks)[:, None]
    extremes = xp.stack([parts.argmax(axis=1) + starts, parts.argmin(axis=1) + starts]).astype("int32")
    span = (parts.max(axis=1).astype("float64") - parts.min(axis=1)).mean(axis=0)
    return (span * constant + epsilon).astype(x.dtype), extremes


def scaled_range_about_zero(xp: Any, x: Any, chunks: int, constant: float, epsilon: float) -> tuple[Any, Any]:
    """constant x mean over chunks of 2 max |x| + epsilon, and the rows of the maxima, or of the minima where those are
    farther from zero, with 1 or -1 for which it is."""
    tops, bottoms = scaled_range(xp, x, chunks, constant, epsilon)[1]
    highest, lowest = (xp.take_along_axis(x, rows, axis=0).astype("float64") for rows in (tops, bottoms))
    is_top = highest >= -lowest
    places = xp.stack([xp.where(is_top, tops, bottoms), xp.where(is_top, 1, -1)]).astype("int32")
    span = 2 * xp.maximum(highest, -lowest).mean(axis=0)
    return (span * constant + epsilon).astype(x.dtype), places


def absolute_deviation(xp: Any, x: Any, centre: Any, constant: float, epsilon: float) -> tuple[Any, Any]:
    """constant x mean of |x - mean| + epsilon, and the sum of the signs."""
    d = x - centre
    spread = abs(d).mean(axis=0, dtype="float64") * constant + epsilon
    return spread.astype(x.dtype), xp.sign(d).sum(axis=0, dtype="float64").astype("int32")


def range_backward(xp: Any, g: Any, gain: Any, extremes: Any, sums: tuple[Any, Any], constant: float) -> Any:
    """Input gradient of range norm; the spread's gradient is shared by the extremes of all chunks.

    ``gain`` is gamma / spread, ``sums`` those of the kernel ``float_products`` (here and in the next).
    """
    beta_sum, gamma_sum = sums
    chunks, columns = extremes.shape[1], xp.arange(g.shape[1])
    e = g - beta_sum / g.dtype.type(g.shape[0])
    share = gamma_sum * g.dtype.type(constant / chunks)
    for chunk in range(chunks):
        e[extremes[0, chunk], columns] -= share
        e[extremes[1, chunk], columns] += share
    return e * gain


def range_about_zero_backward(xp: Any, g: Any, gain: Any, places: Any, total: Any, constant: float) -> Any:
    """``range_backward`` about zero: the spread's gradient lands by sign on the rows that ``scaled_range_about_zero``
    found; ``total`` is the sum of g times the standardised x."""
    chunks, columns = places.shape[1], xp.arange(g.shape[1])
    e = g.copy()
    share = total * g.dtype.type(2 * constant / chunks)
    for chunk in range(chunks):
        e[places[0, chunk], columns] -= share * places[1, chunk].astype(g.dtype)
    return e * gain


def l1_backward(g: Any, signs: Any, sign_sum: Any, gain: Any, sums: tuple[Any, Any], constant: float) -> Any:
    """Input gradient of l1 norm; ``signs`` are those of x - mean."""
    rows = g.dtype.type(g.shape[0])
    share = sums[1] * (g.dtype.type(constant) / rows)
    return (g - sums[0] / rows - share * (signs - sign_sum.astype(g.dtype) / rows)) * gain
