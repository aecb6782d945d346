"""How the values of a tensor are distributed: a histogram, for those who look at a training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.datapath.arrays import on_host
from accelsim.machine import Tensor

BINS = 64


@dataclass(frozen=True)
class Distribution:
    """Of the finite values of one tensor, as real numbers: ``counts`` between ``edges``, one more than there are bins.

    The bins are equally wide, from the smallest value to the largest.
    """

    elements: int
    smallest: float
    largest: float
    total: float
    squares: float
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


def distribution_of(x: Tensor, divisor: float = 1.0) -> Distribution | None:
    """Of ``x / divisor``; None where no value is finite. Nothing is changed."""
    values = (on_host(x.data).astype(np.float64) * on_host(x.scale)).ravel() / divisor
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    counts, edges = np.histogram(values, BINS)
    smallest, largest = float(values.min()), float(values.max())
    return Distribution(values.size, smallest, largest, float(values.sum()), float(values @ values), edges, counts)
