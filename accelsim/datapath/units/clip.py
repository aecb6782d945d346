"""Clipping by the global norm in the update unit; ``reference_update.clip`` says it in fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.datapath.context import Context
from accelsim.datapath.divergence import diverged
from accelsim.datapath.units.loss_scale import settled, unscaled
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.scales import multiplied_out
from accelsim.formats import Role
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

OPTIMIZER_STATE = Role.OPTIMIZER_STATE


@executes("sum_of_squares")
def sum_of_squares(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Of the gradient without the loss's scale; each square and each sum is rounded to fp32."""
    with np.errstate(over="ignore", invalid="ignore"):  # a norm that is not finite is what clip_factor reports
        return [Value(c.kernels.sum_of_squares(unscaled(c, _real(c, inputs[0]))))]


@executes("clip_factor")
def clip_factor(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Sums, root and quotient are rounded to fp32 each; one transfer brings all sums to the host.

    The factor takes the loss's scale off, too. With a dynamic one a norm that is not finite is an overflow.

    Raises:
        UserError: the norm is not finite, and no dynamic loss scale could be lowered.
    """
    xp, total = c.kernels.xp, np.float32(0)
    with np.errstate(over="ignore"):
        for square in on_host(xp.concatenate([x.data for x in inputs])):
            total = total + square
    norm, limit = np.sqrt(total), np.float32(op.attributes["clip_norm"])
    finite = math.isfinite(norm)
    if not finite and not c.recipe.skips_overflows:
        raise diverged(c, "the norm of all gradients is not finite")
    factor = limit / norm if finite and norm > limit else np.float32(1)
    factor *= settled(c, not finite)
    return [Value(xp.asarray(np.array([factor], dtype=np.float32)))]


def clipped_gradient(c: Context, inputs: Sequence[Tensor]) -> Any:
    """The gradient of an update, multiplied out, and by the factor of clipping and unscaling where the update has one;
    a static loss scale is known without."""
    _, gradient, *rest = inputs
    g = _real(c, gradient)
    factors = [x.data for x in rest if x.role is not OPTIMIZER_STATE]
    return g * factors[0] if factors else unscaled(c, g)


def states(inputs: Sequence[Tensor]) -> list[Tensor]:
    """What the optimizer keeps, among the inputs of an update."""
    return [x for x in inputs if x.role is OPTIMIZER_STATE]


def _real(c: Context, gradient: Tensor) -> Any:
    values = multiplied_out(c.kernels.xp, gradient.data, gradient.scale)
    return values if values is gradient.data else values.astype(gradient.data.dtype, copy=False)
