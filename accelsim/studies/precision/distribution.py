"""What the values of a tensor look like: how far from a Gaussian, and how many stand at zero."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.reports.precision.classes import NEAR_ZERO

EDGES = np.linspace(-6.0, 6.0, 62)
"""Of a histogram's classes, in units of the root mean square; what lies beyond is in none."""


class Distribution(NamedTuple):
    """Of one tensor. ``excess_kurtosis`` is 0 for a Gaussian, above it where tails are heavy; shares are of all
    elements, ``near_zero_share`` of those within a tenth of the root mean square."""

    rms: float
    excess_kurtosis: float
    near_zero_share: float
    zero_before_share: float
    largest_over_rms: float


def distribution_of(xp: Any, values: Any) -> Distribution:
    """Of real ``values`` in double precision; NaN where all are zero, or, for kurtosis, alike."""
    flat = values.reshape(-1)
    count = flat.size
    zero = float((flat == 0).sum()) / count
    rms = float(xp.sqrt(_mean_product(xp, flat, flat)))
    if rms == 0:
        return Distribution(0.0, float("nan"), float("nan"), zero, float("nan"))
    squares = flat - flat.mean()
    squares *= squares
    variance = float(squares.mean())
    kurtosis = _mean_product(xp, squares, squares) / variance**2 - 3 if variance > 0 else float("nan")
    magnitudes = xp.abs(flat)
    near = float((magnitudes <= NEAR_ZERO * rms).sum()) / count
    return Distribution(rms, float(kurtosis), near, zero, float(magnitudes.max()) / rms)


def histogram_of(xp: Any, values: Any, rms: float) -> Any:
    """Elements in each class of ``EDGES``; None where all values are zero."""
    if not rms:
        return None
    return np.histogram(on_host(values).reshape(-1) / rms, EDGES)[0]


def _mean_product(xp: Any, a: Any, b: Any) -> Any:
    return xp.einsum("i,i->", a, b) / a.size
