"""How normalisation layers measure spread: by the range (Banner et al. 2018, section 3), the deviation, or l1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from accelsim.machine import Machine, Tensor
from accelsim.machine.norm import Group, groups

CODE_FACTOR = 0.5 * 0.35 * (1 + math.sqrt(math.pi * math.log(4)))
"""The published code's constant, 0.540208: it turns the paper's two standard deviations into about one."""
L1_FACTOR = math.sqrt(math.pi / 2)
"""Standard deviation over mean absolute deviation of a Gaussian."""

Spread = Literal["machine", "range", "deviation", "l1"]
"""What to divide by: a fixed one, or whichever the norm unit is built for."""
BackwardData = Callable[[Tensor, Tensor | None, tuple[Tensor, ...]], Tensor]
"""From the incoming gradient, gamma (None where the gradient has it) and its sums to the input gradient."""


class Measured(NamedTuple):
    """The spread, and the backward that belongs to it."""

    spread: Tensor
    backward: BackwardData


def measure(
    m: Machine, x: Tensor, mean: Tensor | None, wanted: Spread, group: Group, chunks: int | None = None
) -> Measured:
    """Measure the spread of each group of ``x`` about the ``mean``, or about zero; ``chunks`` are the machine's by
    default, and belong to the range."""
    norm, about_zero = m.recipe.norm, mean is None
    kind = norm.spread if wanted == "machine" else wanted
    if kind == "deviation":
        deviation = m.reduce_deviation(x, group, about_zero=about_zero)
        return Measured(
            deviation, lambda g, gain, sums: m.batch_norm_backward(g, x, mean, deviation, gain, sums, group)
        )
    if kind == "l1":
        l1, signs = m.reduce_l1(x, mean, L1_FACTOR, group)
        return Measured(
            l1, lambda g, gain, sums: m.l1_norm_backward(g, x, mean, l1, signs, gain, sums, L1_FACTOR, group)
        )
    samples = x.elements // groups(x.shape, group)
    pieces, constant = range_constant(samples, norm.chunks if chunks is None else chunks, norm.constant)
    spread, extremes = m.reduce_range(x, pieces, constant, group, about_zero=about_zero)

    def backward(g: Tensor, gain: Tensor | None, sums: tuple[Tensor, ...]) -> Tensor:
        return m.range_norm_backward(g, spread, extremes, gain, sums, constant, group, about_zero=about_zero)

    return Measured(spread, backward)


def range_constant(samples: int, wanted_chunks: int, constant: str) -> tuple[int, float]:
    """Chunks that divide ``samples`` evenly (at most ``wanted_chunks``), and C of the chunk's size.

    C(n) = 1 / sqrt(2 ln n); the published code multiplies it by ``CODE_FACTOR``.
    """
    chunks = next(k for k in range(min(wanted_chunks, samples // 2), 0, -1) if samples % k == 0)
    c = 1 / math.sqrt(2 * math.log(samples // chunks))
    return chunks, c * (CODE_FACTOR if constant == "code" else 1.0)
