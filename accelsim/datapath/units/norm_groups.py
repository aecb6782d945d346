"""Groups of a norm as columns, as its kernels want them: channels, rows or samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from accelsim.datapath.arrays import is_per_channel
from accelsim.datapath.context import NORM_FRACTION, NORM_FRACTION_BITS, NORMALISED_SCALE, Context
from accelsim.datapath.kernels.numbers import ONE
from accelsim.datapath.units.norm_scale import numbers
from accelsim.errors import UserError
from accelsim.machine import Tensor, Value
from accelsim.machine.norm import groups
from accelsim.program import Operation


def rows_of(x: Tensor) -> Any:
    """``x`` as (elements of a channel, channels)."""
    return x.data.reshape(-1, x.shape[-1])


def columns_of(c: Context, op: Operation, x: Tensor) -> Any:
    """``x`` as (elements of a group, groups), so that every group is a column for the kernels."""
    group = op.attributes["group"]
    if group == "channel":
        return rows_of(x)
    if is_per_channel(x.scale):
        raise UserError(f"{x.name} has a scale for each channel; {op.name} adds channels up and needs one per tensor")
    lines = rows_of(x) if group == "row" else x.data.reshape(x.shape[0], -1)
    return c.kernels.xp.ascontiguousarray(lines.T)


def restored(c: Context, op: Operation, columns: Any, shape: tuple[int, ...]) -> Any:
    """The inverse of ``columns_of``."""
    turned = columns if op.attributes["group"] == "channel" else c.kernels.xp.ascontiguousarray(columns.T)
    return turned.reshape(shape)


def is_about_zero(op: Operation) -> bool:
    """Whether a norm has no mean."""
    return bool(op.attributes.get("about_zero", False))


def centre_of(c: Context, op: Operation, x: Tensor, mean: list[Tensor]) -> Tensor:
    """The ``mean``; where there is none, zeros in its place: the bits are those of nothing subtracted."""
    if mean:
        return mean[0]
    storage, scale = ("int32", x.scale * NORM_FRACTION) if x.format.is_integer else (x.data.dtype, 1.0)
    shape = (groups(x.shape, op.attributes["group"]),)
    return replace(x, shape=shape, value=Value(c.kernels.xp.zeros(shape, dtype=storage), scale))


def standardised(c: Context, op: Operation, x: Tensor, mean: Tensor, spread: Tensor) -> Any:
    """(x - mean) / spread by group, in the shape of x: words with 16 fraction bits, or floats."""
    columns = columns_of(c, op, x)
    if not x.format.is_integer:
        return restored(c, op, c.kernels.float_standardise(columns, mean.data, spread.data), x.shape)
    gain = c.kernels.forward_gain(ONE, numbers(c.kernels, spread)[0], mean.scale / NORMALISED_SCALE)
    zero = np.zeros(columns.shape[1], dtype=np.int64)
    return restored(c, op, c.kernels.normalise(columns, mean.data, gain, zero, NORM_FRACTION_BITS), x.shape)
