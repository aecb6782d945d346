"""Scale arithmetic of the quantise unit, in double precision: from a range to the scale of the codes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from accelsim.datapath.context import Context
from accelsim.errors import UserError
from accelsim.formats import FixedPointMultiplier, Granularity, Role, ScaleForm, ScalePolicy, TensorRule
from accelsim.machine import Tensor
from accelsim.program import TensorSpec

CHANNEL_FIRST = (Role.WEIGHT, Role.WEIGHT_BACKWARD)
"""Roles whose output channels lie along the first axis; elsewhere channels are the last."""


def choose_scale(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule, top: float) -> Any:
    """Scale that brings the range of ``x`` to the largest code ``top``: a float, or one per channel.

    Evaluation takes the running range of activations, so that its results don't depend on the batch. An all-zero
    tensor gets the range 1, since any scale represents it.

    Raises:
        UserError: ``x`` is not finite.
    """
    if output.role is Role.ACTIVATION and not c.training and output.name in c.scales.running:
        return _formed(c.scales.running[output.name] * rule.headroom / top, rule.scale_form)
    peak = _peak(c, x, output, rule.granularity)
    if not np.all(np.isfinite(peak)):
        raise UserError(f"training diverged: {x.name} is not finite in step {c.step}; a lower learning rate may help")
    if rule.granularity is Granularity.PER_CHANNEL:
        return _formed(np.where(peak == 0, 1.0, peak) * rule.headroom / top, rule.scale_form)
    known = _known_ahead(c, output.name, rule)
    if c.training and (rule.one_pass or output.role is Role.ACTIVATION):
        c.scales.observe(output.name, peak or 1.0, momentum=c.recipe.range_momentum, length=rule.history)
    return _formed((known or peak or 1.0) * rule.headroom / top, rule.scale_form)


def _known_ahead(c: Context, tensor: str, rule: TensorRule) -> float | None:
    """The range that earlier steps foretell; None in the first step, and where the current tensor decides."""
    if rule.policy is ScalePolicy.DELAYED and tensor in c.scales.history:
        return max(c.scales.history[tensor])
    if rule.policy is ScalePolicy.RUNNING:
        return c.scales.running.get(tensor)
    return None


def _peak(c: Context, x: Tensor, output: TensorSpec, granularity: Granularity) -> Any:
    """Largest magnitude as a real value: of the tensor, of each channel, or of each sample on average."""
    if granularity is Granularity.PER_TENSOR and np.ndim(x.scale) == 0:
        return c.kernels.largest_magnitude(x.data) * float(x.scale)
    if granularity is Granularity.PER_CHANNEL:
        axis = 0 if output.role in CHANNEL_FIRST else x.data.ndim - 1
        return _largest(c, x, tuple(a for a in range(x.data.ndim) if a != axis)) * x.scale
    if np.ndim(x.scale):
        return float((_largest(c, x, tuple(range(x.data.ndim - 1))) * x.scale).max())
    return float(_largest(c, x, tuple(range(1, x.data.ndim))).mean() * x.scale)


def _largest(c: Context, x: Tensor, axes: tuple[int, ...]) -> Any:
    high, low = x.data.max(axis=axes), x.data.min(axis=axes)
    return c.kernels.xp.maximum(high.astype("float64"), -low.astype("float64"))


def _formed(scale: Any, form: ScaleForm) -> Any:
    """``scale`` as the hardware can hold it."""
    if form is ScaleForm.FLOAT:
        return scale
    if form is ScaleForm.FIXED_POINT:
        held = FixedPointMultiplier.from_real(scale).real
        return held if np.ndim(scale) else float(held)
    return np.exp2(np.ceil(np.log2(scale))) if np.ndim(scale) else 2.0 ** math.ceil(math.log2(scale))
