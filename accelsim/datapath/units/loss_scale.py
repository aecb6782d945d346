"""Loss scaling in the update unit: which gradients overflowed, and what all are multiplied by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.datapath.context import Context
from accelsim.datapath.divergence import diverged
from accelsim.datapath.loss_scaling import LossScaleState
from accelsim.datapath.units.registry import executes
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

LOWER_MINIMUM = "a lower learning rate or numerics.loss_scale.minimum may help"


@executes("find_overflow")
def find_overflow(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """1 where any number of the gradient is an infinity or NaN, else 0."""
    return [Value(c.kernels.has_overflow(inputs[0].data))]


@executes("unscale_factor")
def unscale_factor(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """1 / scale; one transfer brings all flags to the host.

    Raises:
        UserError: a gradient overflowed at the lowest scale.
    """
    xp = c.kernels.xp
    overflowed = bool(on_host(xp.concatenate([x.data for x in inputs])).any())
    return [Value(xp.asarray(np.array([settled(c, overflowed)], dtype=np.float32)))]


def settled(c: Context, overflowed: bool) -> np.float32:
    """What gradients of this step are multiplied by; a dynamic scale moves on for the next step.

    Raises:
        UserError: a gradient overflowed at the lowest scale.
    """
    rule, factor = c.recipe.loss_scale, unscaling(c)
    if rule is None or rule.adaptation is None:
        return factor
    state = c.scales.loss_scale or LossScaleState(rule.initial)
    c.skips_update = overflowed or c.gradient_overflow
    if c.skips_update and state.scale <= rule.adaptation.minimum:
        raise diverged(c, f"gradients are not finite at the lowest loss scale, {state.scale:.10g},", LOWER_MINIMUM)
    if c.skips_update:
        c.overflow = None  # nothing of it reaches a weight
    c.scales.loss_scale = state.after(rule.adaptation, overflowed=c.skips_update)
    return factor


def unscaling(c: Context) -> np.float32:
    """1 / scale of this step, before ``settled``: exact, as scales are powers of two from 2**-24 to 2**64."""
    return np.float32(1 / c.loss_scale)


def unscaled(c: Context, gradient: Any) -> Any:
    """A gradient without the loss's scale; as it is on a machine that has none."""
    return gradient if c.recipe.loss_scale is None else gradient * unscaling(c)
