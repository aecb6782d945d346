"""Scale arithmetic of the normalisation unit, in double precision on the host: real values, epsilon, multipliers."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.datapath.kernels import Kernels
from accelsim.formats import FixedPointMultiplier, NormRule
from accelsim.machine import Tensor

LARGEST_GAIN = 2.0**30 - 1
"""Gains saturate here: the widest left shift that the multiplier has."""


def real(x: Tensor) -> Any:
    """Values of a tensor of one axis."""
    return on_host(x.data).astype(np.float64) * x.scale


def divided(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator (an array that numerator broadcasts to), 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(denominator.shape), where=denominator != 0)


def reciprocal(spread: Tensor) -> Any:
    """1 / spread; a zero range gives 0, so such a group puts out beta and passes no gradient."""
    return divided(1.0, real(spread))


def epsilon(rule: NormRule, x: Tensor) -> float:
    """What is added to the spread of ``x``, or to its square."""
    nothing = rule.epsilon_place == "none" or (rule.epsilon_place == "auto" and x.format.is_integer)
    return 0.0 if nothing else rule.epsilon


def is_inside(rule: NormRule) -> bool:
    """True where epsilon joins the variance, not the deviation."""
    return rule.epsilon_place != "outside"


def spread_scale(rule: NormRule, x: Tensor, codes: Any, unit: Any, *, squared: bool = False) -> Any:
    """Scale that makes a spread of integer ``codes`` real: their ``unit``, and epsilon where there is one.

    ``squared`` says that epsilon inside belongs to the spread's square. A spread of code 0 stays 0 with epsilon too.
    """
    added = epsilon(rule, x)
    if not added:
        return unit
    codes = on_host(codes).astype(np.float64)
    plain = codes * unit
    return divided(np.sqrt(plain * plain + added) if squared and is_inside(rule) else plain + added, codes)


def damping(rule: NormRule, spread: Tensor, *, squared: bool = False) -> Any:
    """What epsilon leaves of the spread's gradient: spread without / with epsilon (of squares, inside); exactly 1
    without epsilon."""
    added, whole = epsilon(rule, spread), real(spread)
    if squared and is_inside(rule):
        whole = whole * whole
    return divided(whole - added, whole) if added else (whole != 0).astype(np.float64)


def forward_multiplier(kernels: Kernels, gain: Any) -> FixedPointMultiplier:
    """One multiplier per entry, saturated where the 32-bit words that it makes would be."""
    return kernels.multiplier(np.minimum(np.maximum(gain, -LARGEST_GAIN), LARGEST_GAIN))


def gradient_multiplier(kernels: Kernels, spread: Tensor, gamma: list[Tensor]) -> tuple[FixedPointMultiplier, float]:
    """gamma / spread relative to the largest, and that largest; gamma is 1 where the list is empty."""
    gain = reciprocal(spread)
    if gamma:
        gain = real(gamma[0]) * gain
    largest = float(np.abs(gain).max()) or 1.0
    return kernels.multiplier(gain / largest), largest
