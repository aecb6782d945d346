"""Clipping by the global norm in the update unit; ``reference_update.clip`` says it in fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.datapath.context import Context
from accelsim.datapath.divergence import diverged
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
    """Each square and each sum is rounded to fp32."""
    with np.errstate(over="ignore", invalid="ignore"):  # a norm that is not finite is what clip_factor reports
        return [Value(c.kernels.sum_of_squares(_real(c, inputs[0])))]


@executes("clip_factor")
def clip_factor(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Sums, root and quotient are rounded to fp32 each; one transfer brings all sums to the host.

    Raises:
        UserError: the norm is not finite.
    """
    xp, total = c.kernels.xp, np.float32(0)
    with np.errstate(over="ignore"):
        for square in on_host(xp.concatenate([x.data for x in inputs])):
            total = total + square
    norm, limit = np.sqrt(total), np.float32(op.attributes["clip_norm"])
    if not math.isfinite(norm):
        raise diverged(c, "the norm of all gradients is not finite")
    factor = limit / norm if norm > limit else np.float32(1)
    return [Value(xp.asarray(np.array([factor], dtype=np.float32)))]


def clipped_gradient(c: Context, inputs: Sequence[Tensor]) -> Any:
    """The gradient of an update, multiplied out, and by the factor of clipping where the update has one."""
    _, gradient, *rest = inputs
    g = _real(c, gradient)
    for factor in rest:
        if factor.role is not OPTIMIZER_STATE:
            g = g * factor.data
    return g


def states(inputs: Sequence[Tensor]) -> list[Tensor]:
    """What the optimizer keeps, among the inputs of an update."""
    return [x for x in inputs if x.role is OPTIMIZER_STATE]


def _real(c: Context, gradient: Tensor) -> Any:
    values = multiplied_out(c.kernels.xp, gradient.data, gradient.scale)
    return values if values is gradient.data else values.astype(gradient.data.dtype, copy=False)
