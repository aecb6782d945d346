"""Vector unit on channels: tensors side by side, and parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.context import Context
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.scales import multiplied_out
from accelsim.formats import FixedPointMultiplier
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

LARGEST = 2.0**29
"""Of the codes side by side: a code of 1 is scaled up by no more, which the kernels' multipliers can."""


@executes("concat")
def concat(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Both on one scale, each rescaled as the vector unit rescales what it adds."""
    xp, (output,) = c.kernels.xp, outputs
    if not output.format.is_integer:
        parts = [multiplied_out(xp, x.data, x.scale).astype(output.format.storage, copy=False) for x in inputs]
        return [Value(xp.concatenate([xp.asarray(part) for part in parts], axis=-1))]
    peaks = c.kernels.largest_magnitudes(*[x.data for x in inputs])
    ranges = [peak * float(np.max(x.scale)) for peak, x in zip(peaks, inputs, strict=True)]
    scale = (max(ranges) or 1.0) / LARGEST
    parts = [_rescaled(c, x, scale if range_ else None) for x, range_ in zip(inputs, ranges, strict=True)]
    return [Value(xp.concatenate(parts, axis=-1), scale)]


@executes("slice_channels")
def slice_channels(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Some channels, with their scales where each has its own."""
    (x,), (output,) = inputs, outputs
    start = op.attributes["start"]
    part = slice(start, start + output.shape[-1])
    scale = x.scale[part] if np.ndim(x.scale) else x.scale
    return [Value(c.kernels.xp.asarray(x.data)[..., part].copy(), scale)]


def _rescaled(c: Context, x: Tensor, scale: float | None) -> Any:
    """In units of ``scale``; of nothing but zeros where that is None, whose own scale may be out of all proportion."""
    if scale is None:
        return c.kernels.xp.zeros(x.shape, dtype="int32")
    multiplier = FixedPointMultiplier.from_real(x.scale / scale)
    nothing = c.kernels.xp.zeros(x.shape, dtype=x.format.storage)
    return c.kernels.xp.asarray(c.kernels.add(x.data, nothing, multiplier, multiplier))
