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


@executes("concat")
def concat(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Both on one scale, each rescaled as the vector unit rescales what it adds."""
    xp, (output,) = c.kernels.xp, outputs
    if not output.format.is_integer:
        parts = [multiplied_out(xp, x.data, x.scale).astype(output.format.storage, copy=False) for x in inputs]
        return [Value(xp.concatenate([xp.asarray(part) for part in parts], axis=-1))]
    bound = max(c.kernels.largest_magnitude(x.data) * float(np.max(x.scale)) for x in inputs) or 1.0
    scale = bound / 2.0**30
    return [Value(xp.concatenate([_rescaled(c, x, scale) for x in inputs], axis=-1), scale)]


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


def _rescaled(c: Context, x: Tensor, scale: float) -> Any:
    multiplier = FixedPointMultiplier.from_real(x.scale / scale)
    nothing = c.kernels.xp.zeros(x.shape, dtype=x.format.storage)
    return c.kernels.xp.asarray(c.kernels.add(x.data, nothing, multiplier, multiplier))
