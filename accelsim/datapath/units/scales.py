"""Scale arithmetic of the quantise unit, in double precision: from a range to the scale of the codes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from accelsim.datapath.arrays import CHANNEL_FIRST, is_per_channel, on_device
from accelsim.datapath.context import Context
from accelsim.datapath.divergence import GRADIENTS, diverged, notes_overflow
from accelsim.formats import Granularity, Role, ScaleForm, ScalePolicy, TensorRule
from accelsim.formats.scales import FORMS
from accelsim.machine import Tensor
from accelsim.program import TensorSpec

# An enumeration looks its members up slowly, and these are asked for with every tensor.
ACTIVATION, CURRENT, FLOAT = Role.ACTIVATION, ScalePolicy.CURRENT, ScaleForm.FLOAT
PER_TENSOR, PER_CHANNEL = Granularity.PER_TENSOR, Granularity.PER_CHANNEL


def multiplied_out(xp: Any, data: Any, scale: Any) -> Any:
    """Float values without their scale; ``data`` itself where the scale is 1."""
    return data if not is_per_channel(scale) and scale == 1 else data * on_device(xp, scale)


def choose_scale(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule, top: float) -> Any:
    """Scale that brings the range of ``x`` to the largest code ``top``: a float, or one per channel.

    Evaluation takes the running range of activations, so that its results don't depend on the batch. An all-zero
    tensor gets the range 1 where none is known, since any scale represents it, and leaves no memory of a range.

    Raises:
        UserError: ``x`` is not finite, and no gradient of a step that dynamic loss scaling would skip.
    """
    is_activation, measures = output.role is ACTIVATION, c.measures_ranges
    name = output.plain_name
    if is_activation and not measures and name in c.scales.running:
        return formed(c.scales.running[name] * rule.headroom / top, rule.scale_form)
    peak = _peak(c, x, output, rule.granularity)
    if not _is_finite(peak) and notes_overflow(c, output.role):
        peak = 0.0  # the step updates nothing: any range will do, and none is remembered
    expect_finite(c, x, peak)
    if rule.granularity is PER_CHANNEL:
        return formed(np.where(peak == 0, 1.0, peak) * rule.headroom / top, rule.scale_form)
    known = None if rule.policy is CURRENT else known_ahead(c, name, rule)
    if peak and measures and (is_activation or rule.one_pass) and not _follows_overflow(c, output.role):
        c.scales.observe(name, peak, momentum=c.recipe.range_momentum, length=rule.history)
    return formed((known or peak or 1.0) * rule.headroom / top, rule.scale_form)


def _follows_overflow(c: Context, role: Role) -> bool:
    """Whether a gradient may be made of others that saturated in this step, whose range tells of no gradient."""
    return c.gradient_overflow and role in GRADIENTS


def expect_finite(c: Context, x: Tensor, peak: Any) -> None:
    """Stop where training has diverged.

    Raises:
        UserError: ``peak``, the largest magnitude of ``x``, is not finite.
    """
    if not _is_finite(peak):
        raise diverged(c, f"{x.name} is not finite")


def _is_finite(peak: Any) -> bool:
    return math.isfinite(peak) if isinstance(peak, float) else bool(np.all(np.isfinite(peak)))


def known_ahead(c: Context, tensor: str, rule: TensorRule) -> float | None:
    """The range that earlier steps foretell; None in the first step, and where the current tensor decides."""
    if rule.policy is ScalePolicy.DELAYED and tensor in c.scales.history:
        return max(c.scales.history[tensor])
    if rule.policy is ScalePolicy.RUNNING:
        return c.scales.running.get(tensor)
    return None


def _peak(c: Context, x: Tensor, output: TensorSpec, granularity: Granularity) -> Any:
    """Largest magnitude as a real value: of the tensor, of each channel, or of a sample on average."""
    if granularity is PER_TENSOR and not is_per_channel(x.scale):
        return c.kernels.largest_magnitude(x.data) * float(x.scale)
    low, high = extremes(c, x, output, granularity)
    peak = np.maximum(high, -low)
    return peak if granularity is PER_CHANNEL else float(peak)


def extremes(c: Context, x: Tensor, output: TensorSpec, granularity: Granularity) -> tuple[Any, Any]:
    """Smallest and largest real value: of the tensor, of each channel, or of a sample on average.

    The average is the published code's rule: each sample's minimum and maximum over the batch, added up exactly.
    """
    if granularity is Granularity.PER_SAMPLE_AVERAGE:
        rows = (x.data * on_device(c.kernels.xp, x.scale)).reshape(x.data.shape[0], -1)
        ends = c.kernels.on_host(rows.min(axis=1), rows.max(axis=1))
        low, high = (math.fsum(map(float, end)) / rows.shape[0] for end in ends)
        return low, high
    channel = 0 if granularity is Granularity.PER_CHANNEL and output.role in CHANNEL_FIRST else x.data.ndim - 1
    axes = tuple(axis for axis in range(x.data.ndim) if axis != channel)
    ends = c.kernels.on_host(x.data.min(axis=axes), x.data.max(axis=axes))
    low, high = (end.astype("float64") * x.scale for end in ends)
    return (low, high) if granularity is Granularity.PER_CHANNEL else (low.min(), high.max())


def formed(scale: Any, form: ScaleForm) -> Any:
    """``scale`` as the hardware can hold it."""
    if form is FLOAT:
        return scale
    held = FORMS[str(form)](np, np.asarray(scale, dtype=np.float64))
    return held if np.ndim(scale) else float(held)
