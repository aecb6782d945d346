"""Compiled loops over (rows, columns) of float32: each line rounds as the NumPy expression that it stands for.

Sums are float64, row after row; ``start`` and ``stop`` are the columns that a call adds up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled


@compiled
def sums(x: Any, total: Any, start: int, stop: int) -> None:
    """x, added to ``total``."""
    part = total[start:stop]
    for row in range(x.shape[0]):
        values = x[row, start:stop]
        for c in range(part.size):
            part[c] += np.float64(values[c])


@compiled
def squares(x: Any, mean: Any, total: Any, start: int, stop: int) -> None:
    """(x - mean)^2 in double precision, added to ``total``."""
    part, centre = total[start:stop], mean[start:stop]
    for row in range(x.shape[0]):
        values = x[row, start:stop]
        for c in range(part.size):
            d = np.float64(values[c]) - centre[c]
            part[c] += d * d


@compiled
def products(g: Any, x: Any, mean: Any, divisor: Any, total: Any, weighted: Any, start: int, stop: int) -> None:
    """g, added to ``total``, and g times the standardised x, added to ``weighted``."""
    part, products = total[start:stop], weighted[start:stop]
    centre, spread = mean[start:stop], divisor[start:stop]
    for row in range(x.shape[0]):
        gradients, values = g[row, start:stop], x[row, start:stop]
        for c in range(part.size):
            part[c] += np.float64(gradients[c])
            products[c] += np.float64(gradients[c] * ((values[c] - centre[c]) / spread[c]))


@compiled
def normalise(x: Any, mean: Any, gain: Any, beta: Any, out: Any) -> None:
    """(x - mean) gain + beta."""
    for row in range(x.shape[0]):
        values, results = x[row], out[row]
        for c in range(mean.size):
            results[c] = (values[c] - mean[c]) * gain[c] + beta[c]


@compiled
def norm_backward(
    g: Any, x: Any, mean: Any, divisor: Any, g_mean: Any, share: Any, gain: Any, factor: Any, out: Any
) -> None:
    """(g - mean of g - standardised x * share) gain; ``factor``, unless None, multiplies the standardised x."""
    for row in range(g.shape[0]):
        gradients, values, results = g[row], x[row], out[row]
        for c in range(mean.size):
            standardised = (values[c] - mean[c]) / divisor[c]
            if factor is not None:
                standardised = standardised * factor[c]
            results[c] = (gradients[c] - g_mean[c] - standardised * share[c]) * gain[c]


@compiled
def relu(x: Any, out: Any) -> None:
    """max(x, 0): both zeros become 0, and what is no number stays."""
    for i in range(x.size):
        out[i] = np.float32(0) if x[i] <= 0 else x[i]


@compiled
def relu_backward(g: Any, y: Any, out: Any) -> None:
    """g where y > 0, else g times 0, as a product with the comparison has it."""
    for i in range(g.size):
        out[i] = g[i] * (np.float32(1) if y[i] > 0 else np.float32(0))
