"""AdamW in the update unit; ``reference_update.adamw`` says it of one weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from accelsim.datapath.context import Context
from accelsim.datapath.units.clip import clipped_gradient, states
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.update import stored
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


class Factors(NamedTuple):
    """What all weights of a step share, each worked out in double precision and rounded to fp32 once."""

    beta1: np.float32
    beta2: np.float32
    rest1: np.float32
    """1 - beta1."""
    rest2: np.float32
    """1 - beta2."""
    root: np.float32
    """1 / sqrt(1 - beta2^t)."""
    epsilon: np.float32
    rate: np.float32
    """learning_rate / (1 - beta1^t)."""
    keep: np.float32
    """1 - learning_rate x weight_decay."""


@executes("adamw")
def adamw(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Each product, sum, quotient and root is rounded to fp32, in the order that the instruction states.

    A step that is skipped changes nothing, and doesn't count.
    """
    if c.skips_update:
        return []
    w, (mean, square) = inputs[0], states(inputs)
    xp, kernels = c.kernels.xp, c.kernels
    f = factors(c.step + 1 - c.skipped_steps, c.learning_rate, **op.attributes)
    g = clipped_gradient(c, inputs)
    first = c.state[mean.name] = stored(c, mean, kernels.multiply_add(mean.data, f.beta1, f.rest1 * g))
    second = c.state[square.name] = stored(c, square, kernels.multiply_add(square.data, f.beta2, f.rest2 * (g * g)))
    quotient = first / (xp.sqrt(second) * f.root + f.epsilon)
    kept = w.data if f.keep == 1 else w.data * f.keep
    c.state[w.name] = stored(c, w, kernels.multiply_add(quotient, -f.rate, kept))
    return []


def factors(
    t: int, learning_rate: float, *, beta1: float, beta2: float, epsilon: float, weight_decay: float
) -> Factors:
    """Of training step ``t``, the first of which is 1."""
    doubles = (
        beta1,
        beta2,
        1 - beta1,
        1 - beta2,
        1 / math.sqrt(1 - power(beta2, t)),
        epsilon,
        learning_rate / (1 - power(beta1, t)),
        1 - learning_rate * weight_decay,
    )
    return Factors(*(np.float32(x) for x in doubles))


def power(base: float, exponent: int) -> float:
    """base**exponent by squaring, so that no library's pow decides a bit."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result
