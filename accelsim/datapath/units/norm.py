"""Normalisation unit: statistics, normalise and backward, in fixed point for integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.arrays import is_per_channel
from accelsim.datapath.context import NORM_FRACTION_BITS, NORMALISED_SCALE, Context
from accelsim.datapath.kernels.norm_float import divisor, gradient_sums
from accelsim.datapath.kernels.numbers import ONE, Numbers, divided
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.datapath.units import norm_float
from accelsim.datapath.units.norm_scale import (
    damping,
    epsilon,
    gradient_multiplier,
    is_inside,
    numbers,
    spread_scale,
)
from accelsim.datapath.units.registry import executes
from accelsim.errors import UserError
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

FRACTION = 2.0**-NORM_FRACTION_BITS


def _rows(x: Tensor) -> Any:
    return x.data.reshape(-1, x.shape[-1])


def _columns(c: Context, op: Operation, x: Tensor) -> Any:
    """``x`` as (elements of a group, groups), so that every group is a column for the kernels."""
    group = op.attributes["group"]
    if group == "channel":
        return _rows(x)
    if is_per_channel(x.scale):
        raise UserError(f"{x.name} has a scale for each channel; {op.name} adds channels up and needs one per tensor")
    lines = _rows(x) if group == "row" else x.data.reshape(x.shape[0], -1)
    return c.kernels.xp.ascontiguousarray(lines.T)


def _restored(c: Context, op: Operation, columns: Any, shape: tuple[int, ...]) -> Any:
    """The inverse of ``_columns``."""
    turned = columns if op.attributes["group"] == "channel" else c.kernels.xp.ascontiguousarray(columns.T)
    return turned.reshape(shape)


@executes("reduce_mean")
def reduce_mean(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Mean of each group, with fraction bits below the code."""
    (x,) = inputs
    columns = _columns(c, op, x)
    if not x.format.is_integer:
        return [Value(c.kernels.float_mean(columns))]
    return [Value(c.kernels.mean(columns, NORM_FRACTION_BITS).astype("int32"), x.scale * FRACTION)]


@executes("reduce_range")
def reduce_range(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Range of each group (sum over chunks) and where the extremes stand."""
    (x,) = inputs
    rule, columns = c.recipe.norm, _columns(c, op, x)
    chunks, constant = op.attributes["chunks"], op.attributes["constant"]
    if not x.format.is_integer:
        spread, extremes = norm_float.scaled_range(c.kernels.xp, columns, chunks, constant, epsilon(rule, x))
        return [Value(spread), Value(extremes)]
    total, extremes = c.kernels.range_sum(columns, chunks)
    spread = total.astype("int32")
    scale = spread_scale(c.kernels, rule, x, spread, x.scale * constant / chunks)
    return [Value(spread, scale), Value(extremes.astype("int32"))]


@executes("reduce_deviation")
def reduce_deviation(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Standard deviation of each group as an integer square root."""
    (x,) = inputs
    rule, columns = c.recipe.norm, _columns(c, op, x)
    if not x.format.is_integer:
        return [Value(_deviation(c, columns, epsilon(rule, x), inside=is_inside(rule)))]
    root = c.kernels.deviation(columns)
    return [Value(root, spread_scale(c.kernels, rule, x, root, x.scale / columns.shape[0], squared=True))]


@executes("reduce_l1")
def reduce_l1(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Sum of |x - mean| of each group, in the fixed point of the mean, and of the signs."""
    x, mean = inputs
    rule, columns, constant = c.recipe.norm, _columns(c, op, x), op.attributes["constant"]
    if not x.format.is_integer:
        found = norm_float.absolute_deviation(c.kernels.xp, columns, mean.data, constant, epsilon(rule, x))
        return [Value(part) for part in found]
    total, signs = c.kernels.absolute_deviation(columns, mean.data, NORM_FRACTION_BITS)
    scale = spread_scale(c.kernels, rule, x, total, mean.scale * constant / columns.shape[0])
    return [Value(total, scale), Value(signs.astype("int32"))]


@executes("normalise")
def normalise(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """One multiplier per channel holds gamma over spread."""
    x, mean, spread, gamma, beta = inputs
    if not x.format.is_integer:
        return [Value(c.kernels.float_normalise(x.data, mean.data, spread.data, gamma.data, beta.data))]
    factor, unit, added = numbers(c.kernels, gamma, spread, beta)
    gain = c.kernels.forward_gain(factor, unit, mean.scale / NORMALISED_SCALE)
    offset = c.kernels.offsets(added, NORMALISED_SCALE)
    y = c.kernels.normalise(_rows(x), mean.data, gain, offset, NORM_FRACTION_BITS)
    return [Value(y.reshape(x.shape), NORMALISED_SCALE)]


@executes("normalise_rows")
def normalise_rows(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """A multiplier per group holds 1 / spread, then one per channel gamma."""
    x, mean, spread, gamma, beta = inputs
    words = _standardised(c, op, x, mean, spread)
    if not x.format.is_integer:
        return [Value(words * gamma.data + beta.data)]
    # The same kernel with a centre of zero and no fraction bits: a gain and an offset for each channel.
    centre = c.kernels.xp.zeros(x.shape[-1], dtype="int32")
    factor, added = numbers(c.kernels, gamma, beta)
    gain, offset = c.kernels.forward_gain(factor, ONE, 1.0), c.kernels.offsets(added, NORMALISED_SCALE)
    y = c.kernels.normalise(words.reshape(-1, x.shape[-1]), centre, gain, offset, 0)
    return [Value(y.reshape(x.shape), NORMALISED_SCALE)]


@executes("reduce_products")
def reduce_products(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """sum g and sum g (x - mean), exactly."""
    g, x, mean, spread = inputs
    gradient, columns = _columns(c, op, g), _columns(c, op, x)
    if not x.format.is_integer:
        return [Value(total) for total in c.kernels.float_products(gradient, columns, mean.data, spread.data)]
    g_sum, gx_sum = c.kernels.gradient_sums(gradient, columns)
    # sum g (x - mean) = sum g x - mean sum g, exactly, in units of the mean's fixed point.
    gd_sum = (gx_sum << NORM_FRACTION_BITS) - mean.data * g_sum
    scales = c.kernels.reciprocals(numbers(c.kernels, spread)[0], g.scale * mean.scale)
    return [Value(g_sum, g.scale), Value(gd_sum, scales)]


@executes("reduce_row_products")
def reduce_row_products(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """sum g and sum g (x - mean) / spread by channel; the second factor is the word that ``normalise_rows`` scaled."""
    g, x, mean, spread = inputs
    words = _standardised(c, op, x, mean, spread).reshape(-1, x.shape[-1])
    if not x.format.is_integer:
        return [Value(total) for total in gradient_sums(_rows(g), words)]
    weighted = c.kernels.channel_products(_rows(g), words)
    return [Value(c.kernels.channel_sum(_rows(g)), g.scale), Value(weighted, g.scale * NORMALISED_SCALE)]


@executes("weigh")
def weigh(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """g gamma: two 16-bit codes make an int32 product."""
    g, gamma = inputs
    storage = outputs[0].format.storage
    return [Value(c.kernels.xp.multiply(g.data, gamma.data, dtype=storage), g.scale * gamma.scale)]


@executes("range_norm_backward")
def range_norm_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """dx of range norm: g - mean(g), less the spread gradient at the extremes, times gamma over spread."""
    g, spread, extremes, *gamma, g_sum, products = inputs
    columns = _columns(c, op, g)
    if not g.format.is_integer:
        gain, sums = _float_gain(spread, gamma), (g_sum.data, products.data)
        dx = norm_float.range_backward(c.kernels.xp, columns, gain, extremes.data, sums, op.attributes["constant"])
        return [Value(_restored(c, op, dx, g.shape))]
    multiplier, largest = gradient_multiplier(c.kernels, spread, gamma)
    share = c.kernels.spread_share(products.data, spread.data, damping(c.kernels, c.recipe.norm, spread))
    dx = c.kernels.range_norm_backward(columns, g_sum.data, share, extremes.data, multiplier, NORM_FRACTION_BITS)
    return [Value(_restored(c, op, dx, g.shape), g.scale * FRACTION * largest)]


@executes("batch_norm_backward")
def batch_norm_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """dx of norm by the standard deviation: g - mean(g), less its part along x - mean, times gamma over spread."""
    g, x, mean, spread, *gamma, g_sum, products = inputs
    rule, gradient, columns = c.recipe.norm, _columns(c, op, g), _columns(c, op, x)
    if not g.format.is_integer:
        gain, sums = _float_gain(spread, gamma), (g_sum.data, products.data)
        outside = 0.0 if is_inside(rule) else epsilon(rule, g)
        dx = c.kernels.float_norm_backward(gradient, columns, mean.data, spread.data, gain, sums, outside)
        return [Value(_restored(c, op, dx, g.shape))]
    rows = gradient.shape[0]
    multiplier, largest = gradient_multiplier(c.kernels, spread, gamma)
    # sum(g d) / sum(d^2): sum(d^2) is spread^2 / rows in code units, the products carry the fraction bits once.
    codes, total = (x.astype(np.float64) for x in c.kernels.on_host(spread.data, products.data))
    along, damped = divided(total * FRACTION * rows, codes * codes), damping(c.kernels, rule, spread, squared=True)
    g_mean = c.kernels.divide_rounded(g_sum.data << NORM_FRACTION_BITS, rows)
    dx = c.kernels.batch_norm_backward(
        gradient,
        columns,
        c.kernels.xp.stack([g_mean, mean.data.astype("int64")]),
        c.kernels.multiplier(along if damped is None else along * damped),
        multiplier,
        NORM_FRACTION_BITS,
    )
    return [Value(_restored(c, op, dx, g.shape), g.scale * FRACTION * largest)]


@executes("l1_norm_backward")
def l1_norm_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """dx of l1 norm: e - mean(e), e = g - sum(g d) / sum|d| sign(d), times gamma over spread, with d = x - mean."""
    g, x, mean, spread, signs, *gamma, g_sum, products = inputs
    gradient, columns = _columns(c, op, g), _columns(c, op, x)
    if not g.format.is_integer:
        gain, sums = _float_gain(spread, gamma), (g_sum.data, products.data)
        each = c.kernels.xp.sign(columns - mean.data)
        dx = norm_float.l1_backward(gradient, each, signs.data, gain, sums, op.attributes["constant"])
        return [Value(_restored(c, op, dx, g.shape))]
    multiplier, largest = gradient_multiplier(c.kernels, spread, gamma)
    # Both sums have the fraction bits once; 2**31 x rows shifted by 8 stays below 2**62 up to 2**23 rows.
    shifted = products.data << NORM_FRACTION_BITS
    share = c.kernels.spread_share(shifted, spread.data, damping(c.kernels, c.recipe.norm, spread))
    total = (g_sum.data << NORM_FRACTION_BITS) - share * signs.data
    dx = c.kernels.l1_norm_backward(
        gradient,
        columns,
        c.kernels.xp.stack([c.kernels.divide_rounded(total, gradient.shape[0]), mean.data.astype("int64")]),
        share,
        multiplier,
        NORM_FRACTION_BITS,
    )
    return [Value(_restored(c, op, dx, g.shape), g.scale * FRACTION * largest)]


@executes("track")
def track(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Moves the running statistic; written in place."""
    running, statistic = inputs
    momentum, inverse = op.attributes["momentum"], op.attributes["inverse"]
    # The handle has what the step began with, and each part of a batch moves it on.
    found = Numbers(statistic.data, statistic.scale)
    c.state[running.name] = c.kernels.moved(c.state[running.name], found, momentum, inverse=inverse)
    return []


@executes("recall_mean")
def recall_mean(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """The running mean on the fixed point of x."""
    running, x = inputs
    if not x.format.is_integer:
        return [Value(running.data)]
    scale = x.scale * FRACTION
    return [Value(c.kernels.quantise(running.data, scale, INT32_MIN, INT32_MAX, "int32"), scale)]


@executes("recall_spread")
def recall_spread(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """1 / the running inverse."""
    inverse = c.kernels.reciprocals(numbers(c.kernels, inputs[0])[0], 1.0)
    return [Value(c.kernels.xp.asarray(inverse.astype(outputs[0].format.storage)))]


def _standardised(c: Context, op: Operation, x: Tensor, mean: Tensor, spread: Tensor) -> Any:
    """(x - mean) / spread by group, in the shape of x: words with 16 fraction bits, or floats."""
    columns = _columns(c, op, x)
    if not x.format.is_integer:
        return _restored(c, op, c.kernels.float_standardise(columns, mean.data, spread.data), x.shape)
    gain = c.kernels.forward_gain(ONE, numbers(c.kernels, spread)[0], mean.scale / NORMALISED_SCALE)
    zero = np.zeros(columns.shape[1], dtype=np.int64)
    return _restored(c, op, c.kernels.normalise(columns, mean.data, gain, zero, NORM_FRACTION_BITS), x.shape)


def _deviation(c: Context, x: Any, epsilon: float, *, inside: bool) -> Any:
    """sqrt(variance + epsilon), or sqrt(variance) + epsilon where that is not ``inside``; rounded once to floats."""
    variance = c.kernels.float_variance(x)
    return ((variance + epsilon) ** 0.5 if inside else variance**0.5 + epsilon).astype(x.dtype)


def _float_gain(spread: Tensor, gamma: list[Tensor]) -> Any:
    factor = gamma[0].data if gamma else spread.data.dtype.type(1)
    return factor / divisor(spread.data)
