"""Batch normalisation: range batch norm (Banner et al. 2018, section 3) or ordinary, as the machine's unit has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from accelsim.errors import InternalError
from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.machine import Machine, Parameter, Tensor

CODE_FACTOR = 0.5 * 0.35 * (1 + math.sqrt(math.pi * math.log(4)))
"""The published code's constant, 0.540213: it turns the paper's two standard deviations into about one."""


BackwardData = Callable[[Tensor, Tensor, tuple[Tensor, Tensor]], Tensor]
"""From the incoming gradient, gamma and the two parameter sums to the input gradient."""


def _evaluation_has_no_backward(g: Tensor, gain: Tensor, products: tuple[Tensor, Tensor]) -> Tensor:
    raise InternalError("backward of a batch norm that ran in evaluation")


@register("batch_norm")
class BatchNorm(Layer):
    """y = gamma * (x - mean) / spread + beta over all axes but the channels."""

    spread: Literal["machine", "range", "deviation"] = "machine"
    """What to divide by: the range, the standard deviation, or whichever the norm unit is built for."""
    running_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the old value in the running statistics that evaluation uses."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        samples = x.elements // x.shape[-1]
        if samples < 2:
            raise ValueError(f"normalises over {samples} value per channel; at least 2 are needed (larger batch_size)")
        gamma = self._parameter("gamma", x, Role.NORM_PARAMETER, fill=1.0)
        beta = self._parameter("beta", x, Role.NORM_PARAMETER)
        inputs = m.quantise(x, Role.ACTIVATION)
        gain = m.quantise(m.parameter(gamma), Role.NORM_PARAMETER, "gamma_codes")
        offset = m.quantise(m.parameter(beta), Role.NORM_PARAMETER, "beta_codes")
        mean, spread, backward_data = self._statistics(m, inputs, samples)
        y = m.normalise(inputs, mean, spread, gain, offset)

        def backward(g: Tensor) -> Tensor:
            incoming = m.quantise(g, Role.GRADIENT_NORM)
            products = m.reduce_products(incoming, inputs, mean, spread)
            m.collect(beta, m.quantise(products[0], Role.WEIGHT_GRADIENT, "beta_gradient"))
            m.collect(gamma, m.quantise(products[1], Role.WEIGHT_GRADIENT, "gamma_gradient"))
            return backward_data(incoming, gain, products)

        return y, backward

    def _statistics(self, m: Machine, x: Tensor, samples: int) -> tuple[Tensor, Tensor, BackwardData]:
        running_mean = self._parameter("running_mean", x, Role.NORM_STATISTIC, Role.NORM_STATISTIC)
        running_spread = self._parameter("running_spread", x, Role.NORM_STATISTIC, Role.NORM_STATISTIC, fill=1.0)
        mean = m.reduce_mean(x) if m.training else m.recall_mean(running_mean, x)
        spread, backward_data = self._spread(m, x, mean, samples) if m.training else (m.parameter(running_spread), None)
        if backward_data is None:
            return mean, spread, _evaluation_has_no_backward
        m.track(running_mean, mean, self.running_momentum)
        m.track(running_spread, spread, self.running_momentum)
        return mean, spread, backward_data

    def _spread(self, m: Machine, x: Tensor, mean: Tensor, samples: int) -> tuple[Tensor, BackwardData]:
        norm = m.recipe.norm
        if (norm.spread if self.spread == "machine" else self.spread) == "deviation":
            deviation = m.reduce_deviation(x)
            return deviation, lambda g, gain, products: m.batch_norm_backward(g, x, mean, deviation, gain, products)
        chunks, constant = range_constant(samples, norm.chunks, norm.constant)
        spread, extremes = m.reduce_range(x, chunks, constant)
        return spread, lambda g, gain, products: m.range_norm_backward(g, spread, extremes, gain, products, constant)

    def _parameter(
        self, suffix: str, x: Tensor, used_as: Role, role: Role = Role.MASTER_WEIGHT, fill: float = 0.0
    ) -> Parameter:
        return Parameter(f"{self.name}.{suffix}", x.shape[-1:], used_as, role, fill)


def range_constant(samples: int, wanted_chunks: int, constant: str) -> tuple[int, float]:
    """Chunks that divide ``samples`` evenly (at most ``wanted_chunks``), and C of the chunk's size.

    C(n) = 1 / sqrt(2 ln n); the published code multiplies it by ``CODE_FACTOR``.
    """
    chunks = next(k for k in range(min(wanted_chunks, samples // 2), 0, -1) if samples % k == 0)
    c = 1 / math.sqrt(2 * math.log(samples // chunks))
    return chunks, c * (CODE_FACTOR if constant == "code" else 1.0)
