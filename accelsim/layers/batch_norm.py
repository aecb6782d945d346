"""Batch normalisation: by the range (Banner et al. 2018, section 3), the deviation or l1, as the unit has it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accelsim.errors import InternalError
from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.layers.spread import Measured, Spread, measure
from accelsim.machine import Machine, Parameter, Tensor


def _evaluation_has_no_backward(g: Tensor, gain: Tensor | None, products: tuple[Tensor, ...]) -> Tensor:
    raise InternalError("backward of a batch norm that ran in evaluation")


@register("batch_norm")
class BatchNorm(Layer):
    """y = gamma * (x - mean) / spread + beta over all axes but the channels."""

    spread: Spread = "machine"
    """What to divide by: the range, the standard deviation, l1 (mean absolute deviation x sqrt(pi/2)), or whichever the
    norm unit is built for."""
    running_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the old value in the running statistics that evaluation uses (published code: 0.1)."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        samples = x.elements // x.shape[-1]
        if samples < 2:
            remedy = "larger batch_size, or fewer micro_batches or machines"
            raise ValueError(f"normalises over {samples} value per channel; at least 2 are needed ({remedy})")
        gamma = self._parameter("gamma", x, Role.NORM_PARAMETER, fill=1.0)
        beta = self._parameter("beta", x, Role.NORM_PARAMETER)
        inputs = m.quantise(x, Role.ACTIVATION)
        gain = m.quantise(m.parameter(gamma), Role.NORM_PARAMETER, "gamma_codes")
        offset = m.quantise(m.parameter(beta), Role.NORM_PARAMETER, "beta_codes")
        mean, measured = self._statistics(m, inputs)
        y = m.normalise(inputs, mean, measured.spread, gain, offset)

        def backward(g: Tensor) -> Tensor:
            incoming = m.quantise(g, Role.GRADIENT_NORM)
            products = m.reduce_products(incoming, inputs, mean, measured.spread)
            m.collect(beta, m.quantise(products[0], Role.WEIGHT_GRADIENT, "beta_gradient"))
            m.collect(gamma, m.quantise(products[1], Role.WEIGHT_GRADIENT, "gamma_gradient"))
            return measured.backward(incoming, gain, products)

        return y, backward

    def _statistics(self, m: Machine, x: Tensor) -> tuple[Tensor, Measured]:
        inverse = m.recipe.norm.running_average == "inverse"
        running_mean = self._parameter("running_mean", x, Role.NORM_STATISTIC, Role.NORM_STATISTIC)
        suffix = "running_inverse" if inverse else "running_spread"
        running_spread = self._parameter(suffix, x, Role.NORM_STATISTIC, Role.NORM_STATISTIC, fill=1.0)
        if not m.training:
            spread = m.recall_spread(running_spread, inverse=inverse)
            return m.recall_mean(running_mean, x), Measured(spread, _evaluation_has_no_backward)
        mean = m.reduce_mean(x)
        measured = measure(m, x, mean, self.spread, "channel")
        m.track(running_mean, mean, self.running_momentum)
        m.track(running_spread, measured.spread, self.running_momentum, inverse=inverse)
        return mean, measured

    def _parameter(
        self, suffix: str, x: Tensor, used_as: Role, role: Role = Role.MASTER_WEIGHT, fill: float = 0.0
    ) -> Parameter:
        return Parameter(f"{self.name}.{suffix}", x.shape[-1:], used_as, role, fill)
