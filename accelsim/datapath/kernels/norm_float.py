"""Normalisation in floating point: sums are taken in double precision and rounded once to the input's format.

All arrays are (rows, columns), with a mean and a spread for each column.
"""

from __future__ import annotations

from typing import Any


class FloatNormKernels:
    """Norm by the standard deviation, and the parts of it that other norms share."""

    def float_mean(self, x: Any) -> Any:
        """Mean of each column."""
        return x.mean(axis=0, dtype="float64").astype(x.dtype)

    def float_variance(self, x: Any) -> Any:
        """Variance of each column, float64."""
        return x.var(axis=0, dtype="float64")

    def float_mean_square(self, x: Any) -> Any:
        """Mean of x * x of each column, float64."""
        wide = x.astype("float64")
        return (wide * wide).mean(axis=0)

    def float_normalise(self, x: Any, centre: Any, spread: Any, gamma: Any, beta: Any) -> Any:
        """gamma (x - mean) / spread + beta; x of any shape whose last axis is the columns."""
        return (x - centre) * (gamma / divisor(spread)) + beta

    def float_standardise(self, x: Any, centre: Any, spread: Any) -> Any:
        """(x - mean) / spread."""
        return (x - centre) / divisor(spread)

    def float_products(self, g: Any, x: Any, centre: Any, spread: Any) -> tuple[Any, Any]:
        """Sums of g and of g times the standardised x."""
        return gradient_sums(g, self.float_standardise(x, centre, spread))

    def float_norm_backward(
        self, g: Any, x: Any, centre: Any, spread: Any, gain: Any, sums: tuple[Any, Any], outside: float
    ) -> Any:
        """Input gradient of norm by the standard deviation.

        ``gain`` is gamma / spread, ``sums`` those of ``float_products``, and ``outside`` the epsilon in ``spread``
        (0 where inside).
        """
        rows = g.dtype.type(g.shape[0])
        standardised = self.float_standardise(x, centre, spread)
        if outside:
            standardised = standardised * outside_factor(spread, outside)
        return (g - sums[0] / rows - standardised * (sums[1] / rows)) * gain


def divisor(spread: Any) -> Any:
    """What divides: the spread, or infinity where it is zero, so that such a column becomes zero."""
    safe = spread.copy()
    safe[spread == 0] = float("inf")
    return safe


def outside_factor(spread: Any, outside: float) -> Any:
    """Spread over what it is without its epsilon."""
    return spread / divisor(spread - spread.dtype.type(outside))


def gradient_sums(g: Any, standardised: Any) -> tuple[Any, Any]:
    """Sums of g and of g times the standardised x."""
    weighted = (g * standardised).sum(axis=0, dtype="float64")
    return g.sum(axis=0, dtype="float64").astype(g.dtype), weighted.astype(g.dtype)
