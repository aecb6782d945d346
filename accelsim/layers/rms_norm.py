"""RMS normalisation (Zhang and Sennrich 2019): by the root mean square, or the range or l1 about zero."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, register
from accelsim.layers.layer_norm import Axes, group_of
from accelsim.layers.spread import Spread, measure
from accelsim.machine import Machine, Parameter, Tensor


@register("rms_norm")
class RmsNorm(Layer):
    """y = gamma * x / spread, the same in training and evaluation: layer norm without mean and offset.

    All spreads are about zero. Zhang and Sennrich (2019) have the root mean square alone and say nothing of the range
    or l1, which are here what a norm unit built for these makes of a group whose mean is taken to be zero.
    """

    axes: Axes = "last"
    """Normalise over the channels at each position (last), or over all axes but the batch (all)."""
    spread: Spread = "machine"
    """What to divide by: the deviation from zero, which is the root mean square; the range about zero, 2 max abs(x),
    with the norm unit's constant; l1 (mean of abs(x) x sqrt(pi/2)); or whichever the norm unit is built for. A range is
    taken whole: chunks cut batches."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        group = group_of(self.axes, x)
        gamma = Parameter(f"{self.name}.gamma", x.shape[-1:], Role.NORM_PARAMETER, fill=1.0)
        inputs = m.quantise(x, Role.ACTIVATION)
        gain = m.quantise(m.parameter(gamma), Role.NORM_PARAMETER, "gamma_codes")
        measured = measure(m, inputs, None, self.spread, group, chunks=1)
        y = m.normalise_rows(inputs, None, measured.spread, gain, None, group)

        def backward(g: Tensor) -> Tensor:
            incoming = m.quantise(g, Role.GRADIENT_NORM)
            (total,) = m.reduce_row_products(incoming, inputs, None, measured.spread, group)
            m.collect(gamma, m.quantise(total, Role.WEIGHT_GRADIENT, "gamma_gradient"))
            weighed = m.quantise(m.weigh(incoming, gain), Role.GRADIENT_NORM, "gradient_weighed")
            return measured.backward(weighed, None, m.reduce_products(weighed, inputs, None, measured.spread, group))

        return y, backward
