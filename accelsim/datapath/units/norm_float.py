"""Normalisation in floating point: sums are taken in double precision and rounded once to the input's format."""

from __future__ import annotations

from typing import Any

EPSILON = 1e-5
"""Added to the variance (ordinary) or to the scaled range, as in common float implementations."""


def mean(x: Any) -> Any:
    """Per-channel mean of (rows, channels)."""
    return x.mean(axis=0, dtype="float64").astype(x.dtype)


def deviation(x: Any) -> Any:
    """sqrt(variance + epsilon)."""
    variance = x.var(axis=0, dtype="float64")
    return ((variance + EPSILON) ** 0.5).astype(x.dtype)


def scaled_range(xp: Any, x: Any, chunks: int, constant: float) -> tuple[Any, Any]:
    """constant x mean over chunks of (max - min) + epsilon, and the rows of the extremes."""
    size = x.shape[0] // chunks
    parts = x[: size * chunks].reshape(chunks, size, -1)
    starts = size * xp.arange(chunks)[:, None]
    extremes = xp.stack([parts.argmax(axis=1) + starts, parts.argmin(axis=1) + starts]).astype("int32")
    span = (parts.max(axis=1).astype("float64") - parts.min(axis=1)).mean(axis=0)
    return (span * constant + EPSILON).astype(x.dtype), extremes


def normalise(x: Any, centre: Any, spread: Any, gamma: Any, beta: Any) -> Any:
    """gamma (x - mean) / spread + beta."""
    return (x - centre) * (gamma / spread) + beta


def products(g: Any, x: Any, centre: Any, spread: Any) -> tuple[Any, Any]:
    """Gradients of beta and gamma."""
    weighted = (g * ((x - centre) / spread)).sum(axis=0, dtype="float64")
    return g.sum(axis=0, dtype="float64").astype(g.dtype), weighted.astype(g.dtype)


def range_backward(g: Any, spread: Any, extremes: Any, gamma: Any, sums: tuple[Any, Any], constant: float) -> Any:
    """Input gradient of range batch norm; the spread's gradient is shared by the extremes of all chunks."""
    beta_sum, gamma_sum = sums
    chunks, channels = extremes.shape[1], range(g.shape[1])
    e = g - beta_sum / g.dtype.type(g.shape[0])
    share = gamma_sum * g.dtype.type(constant / chunks)
    for chunk in range(chunks):
        e[extremes[0, chunk], channels] -= share
        e[extremes[1, chunk], channels] += share
    return e * (gamma / spread)


def backward(g: Any, x: Any, statistics: tuple[Any, Any], gamma: Any, sums: tuple[Any, Any]) -> Any:
    """Input gradient of ordinary batch norm."""
    centre, spread = statistics
    rows = g.dtype.type(g.shape[0])
    normalised = (x - centre) / spread
    return (g - sums[0] / rows - normalised * (sums[1] / rows)) * (gamma / spread)
