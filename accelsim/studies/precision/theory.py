"""What the angle to a quantised tensor would be if its elements were independent Gaussians.

The paper's bound (Banner et al. 2018) is cos >= 2^M / (2^M + sqrt(ln N) / sqrt(6)). It has half the step of a symmetric
M-bit quantiser and adds lengths where error and tensor stand nearly at right angles; the same r with a right triangle
gives 1 / sqrt(1 + r^2). ``gaussian_cosine`` is no bound: mean and deviation for the quantiser as it is, from the
distribution of the largest of N Gaussians and of the error under the step that follows from it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

from accelsim.formats import Rounding

QUANTILES, ENDS = 64, 24
"""Equally likely largest magnitudes over which the mean is taken, and the same of each end of a range."""
SMALL_STEP = 1.0
"""In standard deviations: below it the error is uniform to eight digits."""
_NORMAL = NormalDist()


class Quantiser(NamedTuple):
    """As far as a Gaussian knows it: levels from the scale's rule, and how values go to them."""

    bits: int
    rounding: Rounding
    affine: bool = False
    headroom: float = 1.0


class Expected(NamedTuple):
    """Mean and standard deviation of the cosine."""

    mean: float
    deviation: float


def paper_bound(elements: int, bits: int) -> float:
    """Lower bound of the cosine as the paper prints it."""
    return 1 / (1 + _ratio(elements, bits))


def right_triangle_bound(elements: int, bits: int) -> float:
    """The same step and range with the error at a right angle to the tensor."""
    return 1 / math.sqrt(1 + _ratio(elements, bits) ** 2)


def _ratio(elements: int, bits: int) -> float:
    """Bound of |error| / |tensor|."""
    return math.sqrt(math.log(elements) / 6) / 2.0**bits


@lru_cache(maxsize=4096)
def gaussian_cosine(elements: int, sharing: int, quantiser: Quantiser) -> Expected:
    """Cosine of ``elements`` Gaussians, ``sharing`` of which have one scale.

    The deviation has two parts: that of the range, where all share one scale, and that of a sample under a fixed step.
    """
    cosines = [_cosine(step, quantiser.rounding) for step in _steps(sharing, quantiser)]
    mean = sum(cosines) / len(cosines)
    ranges = sum((cosine - mean) ** 2 for cosine in cosines) / len(cosines) * sharing / elements
    return Expected(mean, math.sqrt(ranges + _sampling(mean, elements, quantiser.rounding)))


def _steps(sharing: int, quantiser: Quantiser) -> list[float]:
    """Equally likely steps, in standard deviations."""
    if not quantiser.affine:
        top = (1 << (quantiser.bits - 1)) - 1
        return [quantiser.headroom * _largest(sharing, share, sides=2) / top for share in _shares(QUANTILES)]
    # Both ends are nearly independent where there are many elements.
    ends = [_largest(sharing, share, sides=1) for share in _shares(ENDS)]
    return [quantiser.headroom * (low + high) / ((1 << quantiser.bits) - 1) for low in ends for high in ends]


def _shares(count: int) -> list[float]:
    return [(place + 0.5) / count for place in range(count)]


def _largest(elements: int, share: float, *, sides: int) -> float:
    """Quantile of the largest of so many magnitudes (two sides) or values (one)."""
    above = -math.expm1(math.log(share) / elements) / sides
    return max(0.0, -_NORMAL.inv_cdf(above)) if above < 1 else 0.0


def _cosine(step: float, rounding: Rounding) -> float:
    """Of infinitely many Gaussians under a fixed step, with 0 a level and no end of levels."""
    if rounding is Rounding.STOCHASTIC:
        return 1 / math.sqrt(_stochastic_power(step))
    truncates = rounding is Rounding.TRUNCATE
    if step <= SMALL_STEP:
        return 1 / math.sqrt(1 + step * step * (1 / 3 if truncates else 1 / 12))
    below = 0.0 if truncates else 0.5
    both = power = 0.0
    for level in range(-math.ceil(9 / step) - 1, math.ceil(9 / step) + 2):
        low, high = (level - below) * step, (level - below + 1) * step
        both += level * step * (_NORMAL.pdf(low) - _NORMAL.pdf(high))
        power += (level * step) ** 2 * (_tail(low) - _tail(high))
    return both / math.sqrt(power) if power > 0 else 0.0


def _stochastic_power(step: float) -> float:
    """Mean square of what stochastic rounding makes of a Gaussian: 1 and the noise, step^2 f (1 - f)."""
    if step <= SMALL_STEP:
        return 1 + step * step / 6
    # f (1 - f) as a Fourier series: 1/6 - sum of cos(2 pi k f) / (pi k)^2, whose mean over a Gaussian is known.
    turns = [2 * math.pi * k / step for k in range(1, 20 + math.ceil(4 * step))]
    series = sum(math.exp(-turn * turn / 2) / (math.pi * k) ** 2 for k, turn in enumerate(turns, 1))
    return 1 + step * step * (1 / 6 - series)


def _tail(x: float) -> float:
    return 0.5 * math.erfc(x / math.sqrt(2))


def _sampling(mean: float, elements: int, rounding: Rounding) -> float:
    """Variance from the sample alone, to first order in 1 / N."""
    if mean <= 0:
        return 0.0
    power = 1 / mean**2
    noise = power - 1
    spread = 0.85 if rounding is Rounding.STOCHASTIC else 0.7
    return noise**2 / power**3 * (spread + noise) / elements
