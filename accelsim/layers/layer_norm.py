"""Layer normalisation, by the deviation, the range or l1."""

from __future__ import annotations

from typing import Literal

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.layers.spread import Spread, measure
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.machine.norm import Group

Axes = Literal["last", "all"]


def group_of(axes: Axes, x: Tensor) -> Group:
    """Which elements are normalised together.

    Raises:
        ValueError: a single one is.
    """
    group: Group = "row" if axes == "last" else "sample"
    size = x.shape[-1] if group == "row" else x.elements // x.shape[0]
    if size < 2:
        raise ValueError(f"normalises over {size} value; at least 2 are needed (its input has shape {x.shape})")
    return group


@register("layer_norm")
class LayerNorm(Layer):
    """y = gamma * (x - mean) / spread + beta, the same in training and evaluation: nothing runs along.

    gamma and beta belong to channels, the statistics to rows or samples, so gamma can't be taken out of the backward's
    sums: its product with the gradient is quantised as an incoming gradient is.
    """

    axes: Axes = "last"
    """Normalise over the channels at each position (last), or over all axes but the batch (all)."""
    spread: Spread = "machine"
    """What to divide by: the range, the standard deviation, l1 (mean absolute deviation x sqrt(pi/2)), or whichever the
    norm unit is built for. A range is taken whole: chunks cut batches."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        group = group_of(self.axes, x)
        gamma = Parameter(f"{self.name}.gamma", x.shape[-1:], Role.NORM_PARAMETER, fill=1.0)
        beta = Parameter(f"{self.name}.beta", x.shape[-1:], Role.NORM_PARAMETER)
        inputs = m.quantise(x, Role.ACTIVATION)
        gain = m.quantise(m.parameter(gamma), Role.NORM_PARAMETER, "gamma_codes")
        offset = m.quantise(m.parameter(beta), Role.NORM_PARAMETER, "beta_codes")
        mean = m.reduce_mean(inputs, group)
        measured = measure(m, inputs, mean, self.spread, group, chunks=1)
        y = m.normalise_rows(inputs, mean, measured.spread, gain, offset, group)

        def backward(g: Tensor) -> Tensor:
            incoming = m.quantise(g, Role.GRADIENT_NORM)
            sums = m.reduce_row_products(incoming, inputs, mean, measured.spread, group)
            m.collect(beta, m.quantise(sums[0], Role.WEIGHT_GRADIENT, "beta_gradient"))
            m.collect(gamma, m.quantise(sums[1], Role.WEIGHT_GRADIENT, "gamma_gradient"))
            weighed = m.quantise(m.weigh(incoming, gain), Role.GRADIENT_NORM, "gradient_weighed")
            return measured.backward(weighed, None, m.reduce_products(weighed, inputs, mean, measured.spread, group))

        return y, backward
