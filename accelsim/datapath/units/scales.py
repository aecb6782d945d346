"""Scale arithmetic of the quantise unit, in double precision: from a range to the scale of the codes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from accelsim.datapath.context import Context
from accelsim.errors import UserError
from accelsim.formats import Granularity, Role, ScaleForm, ScalePolicy, TensorRule
from accelsim.formats.scales import FORMS
from accelsim.machine import Tensor
from accelsim.program import TensorSpec

CHANNEL_FIRST = (Role.WEIGHT, Role.WEIGHT_BACKWARD)
"""Roles whose output channels lie along the first axis; elsewhere channels are the last."""


def multiplied_out(data: Any, scale: Any) -> Any:
    """Float values without their scale; ``data`` itself where the scale is 1."""
    return data if np.ndim(scale) == 0 and scale == 1 else data * scale


def choose_scale(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule, top: float) -> Any:
    """Scale that brings the range of ``x`` to the largest code ``top``: a float, or one per channel.

    Evaluation takes the running range of activations, so that its results don't depend on the batch. An all-zero
    tensor gets the range 1, since any scale represents it.

    Raises:
        UserError: ``x`` is not finite.
    """
    if output.role is Role.ACTIVATION and not c.training and output.name in c.scales.running:
        return formed(c.kernels.xp, c.scales.running[output.name] * rule.headroom / top, rule.scale_form)
    peak = _peak(c, x, output, rule.granularity)
    expect_finite(c, x, peak)
    if rule.granularity is Granularity.PER_CHANNEL:
        return formed(c.kernels.xp, np.where(peak == 0, 1.0, peak) * rule.headroom / top, rule.scale_form)
    known = known_ahead(c, output.name, rule)
    if c.training and (rule.one_pass or output.role is Role.ACTIVATION):
        c.scales.observe(output.name, peak or 1.0, momentum=c.recipe.range_momentum, length=rule.history)
    return formed(c.kernels.xp, (known or peak or 1.0) * rule.headroom / top, rule.scale_form)


def expect_finite(c: Context, x: Tensor, peak: Any) -> None:
    """Stop where training has diverged.

    Raises:
        UserError: ``peak``, the largest magnitude of ``x``, is not finite.
    """
    if not (math.isfinite(peak) if isinstance(peak, float) else np.all(np.isfinite(peak))):
        raise UserError(f"training diverged: {x.name} is not finite in step {c.step}; a lower learning rate may help")


def known_ahead(c: Context, tensor: str, rule: TensorRule) -> float | None:
    """The range that earlier steps foretell; None in the first step, and where the current tensor decides."""
    if rule.policy is ScalePolicy.DELAYED and tensor in c.scales.history:
        return max(c.scales.history[tensor])
    if rule.policy is ScalePolicy.RUNNING:
        return c.scales.running.get(tensor)
    return None


def _peak(c: Context, x: Tensor, output: TensorSpec, granularity: Granularity) -> Any:
    """Largest magnitude as a real value: of the tensor, of each channel, or of a sample on average."""
    if granularity is Granularity.PER_TENSOR and np.ndim(x.scale) == 0:
        return c.kernels.largest_magnitude(x.data) * float(x.scale)
    if granularity is Granularity.PER_CHANNEL:
        axis = 0 if output.role in CHANNEL_FIRST else x.data.ndim - 1
        return _largest(c, x, tuple(a for a in range(x.data.ndim) if a != axis)) * x.scale
    if granularity is Granularity.PER_SAMPLE_AVERAGE:
        return _sample_average(x)
    return float((_largest(c, x, tuple(range(x.data.ndim - 1))) * x.scale).max())


def _sample_average(x: Tensor) -> float:
    """The published code's rule: each sample's minimum and maximum, averaged over the batch; added up exactly."""
    rows = (x.data * x.scale).reshape(x.data.shape[0], -1)
    means = [math.fsum(map(float, extreme)) / rows.shape[0] for extreme in (rows.max(axis=1), rows.min(axis=1))]
    return float(max(abs(mean) for mean in means))


def _largest(c: Context, x: Tensor, axes: tuple[int, ...]) -> Any:
    high, low = x.data.max(axis=axes), x.data.min(axis=axes)
    return c.kernels.xp.maximum(high.astype("float64"), -low.astype("float64"))


def formed(xp: Any, scale: Any, form: ScaleForm) -> Any:
    """``scale`` as the hardware can hold it."""
    if form is ScaleForm.FLOAT:
        return scale
    held = FORMS[str(form)](xp, xp.asarray(scale, dtype=xp.float64))
    return held if np.ndim(scale) else float(held)
