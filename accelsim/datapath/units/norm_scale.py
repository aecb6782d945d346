"""Scale arithmetic of the normalisation unit, in double precision on the host: real values, epsilon, multipliers."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels import Kernels
from accelsim.datapath.kernels.numbers import ONE, Numbers, divided
from accelsim.formats import FixedPointMultiplier, NormRule
from accelsim.machine import Tensor


def epsilon(rule: NormRule, x: Tensor) -> float:
    """What is added to the spread of ``x``, or to its square."""
    nothing = rule.epsilon_place == "none" or (rule.epsilon_place == "auto" and x.format.is_integer)
    return 0.0 if nothing else rule.epsilon


def is_inside(rule: NormRule) -> bool:
    """True where epsilon joins the variance, not the deviation."""
    return rule.epsilon_place != "outside"


def spread_scale(k: Kernels, rule: NormRule, x: Tensor, codes: Any, unit: Any, *, squared: bool = False) -> Any:
    """Scale that makes a spread of integer ``codes`` real: their ``unit``, and epsilon where there is one.

    ``squared`` says that epsilon inside belongs to the spread's square. A spread of code 0 stays 0 with epsilon too.
    """
    added = epsilon(rule, x)
    if not added:
        return unit
    codes = k.on_host(codes)[0].astype(np.float64)
    plain = codes * unit
    return divided(np.sqrt(plain * plain + added) if squared and is_inside(rule) else plain + added, codes)


def damping(k: Kernels, rule: NormRule, spread: Tensor, *, squared: bool = False) -> Any:
    """What epsilon leaves of the spread's gradient: spread without / with epsilon (of squares, inside); None without
    epsilon, which stands for all of it where the spread isn't 0."""
    added = epsilon(rule, spread)
    if not added:
        return None
    whole = numbers(k, spread)[0].real
    if squared and is_inside(rule):
        whole = whole * whole
    return divided(whole - added, whole)


def gradient_multiplier(k: Kernels, spread: Tensor, gamma: list[Tensor]) -> tuple[FixedPointMultiplier, float]:
    """gamma / spread relative to the largest, and that largest; gamma is 1 where the list is empty."""
    divisor, *factor = numbers(k, spread, *gamma)
    return k.gradient_gain(factor[0] if factor else ONE, divisor)


def numbers(k: Kernels, *tensors: Tensor) -> list[Numbers]:
    """Tensors of one axis on the host."""
    codes = k.on_host(*[x.data for x in tensors])
    return [Numbers(part, x.scale) for part, x in zip(codes, tensors, strict=True)]
