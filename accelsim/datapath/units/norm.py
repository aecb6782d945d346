"""Normalisation unit, forward: statistics and their running averages, and normalise, in fixed point for integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.context import NORM_FRACTION, NORM_FRACTION_BITS, NORMALISED_SCALE, Context
from accelsim.datapath.kernels.numbers import ONE, Numbers
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.datapath.units import norm_float
from accelsim.datapath.units.norm_groups import centre_of, columns_of, is_about_zero, rows_of, standardised
from accelsim.datapath.units.norm_scale import epsilon, is_inside, numbers, spread_scale
from accelsim.datapath.units.registry import executes
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("reduce_mean")
def reduce_mean(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Mean of each group, with fraction bits below the code."""
    (x,) = inputs
    columns = columns_of(c, op, x)
    if not x.format.is_integer:
        return [Value(c.kernels.float_mean(columns))]
    return [Value(c.kernels.mean(columns, NORM_FRACTION_BITS).astype("int32"), x.scale * NORM_FRACTION)]


@executes("reduce_range")
def reduce_range(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Range of each group (sum over chunks) and where the extremes stand."""
    (x,) = inputs
    rule, columns = c.recipe.norm, columns_of(c, op, x)
    chunks, constant = op.attributes["chunks"], op.attributes["constant"]
    about_zero = is_about_zero(op)
    if not x.format.is_integer:
        measure = norm_float.scaled_range_about_zero if about_zero else norm_float.scaled_range
        return [Value(part) for part in measure(c.kernels.xp, columns, chunks, constant, epsilon(rule, x))]
    total, extremes = (c.kernels.range_about_zero if about_zero else c.kernels.range_sum)(columns, chunks)
    spread = total.astype("int32")
    scale = spread_scale(c.kernels, rule, x, spread, x.scale * constant / chunks)
    return [Value(spread, scale), Value(extremes.astype("int32"))]


@executes("reduce_deviation")
def reduce_deviation(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Standard deviation or root mean square of each group as an integer square root."""
    (x,) = inputs
    rule, columns, about_zero = c.recipe.norm, columns_of(c, op, x), is_about_zero(op)
    if not x.format.is_integer:
        squared = (c.kernels.float_mean_square if about_zero else c.kernels.float_variance)(columns)
        return [Value(_root(squared, epsilon(rule, x), inside=is_inside(rule)).astype(columns.dtype))]
    root = (c.kernels.root_square if about_zero else c.kernels.deviation)(columns)
    return [Value(root, spread_scale(c.kernels, rule, x, root, x.scale / columns.shape[0], squared=True))]


@executes("reduce_l1")
def reduce_l1(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Sum of |x - mean| of each group, in the fixed point of the mean, and of the signs where there is one."""
    x, *means = inputs
    rule, columns, constant = c.recipe.norm, columns_of(c, op, x), op.attributes["constant"]
    mean = centre_of(c, op, x, means)
    if not x.format.is_integer:
        found = norm_float.absolute_deviation(c.kernels.xp, columns, mean.data, constant, epsilon(rule, x))
        return [Value(part) for part in found[: len(outputs)]]
    total, signs = c.kernels.absolute_deviation(columns, mean.data, NORM_FRACTION_BITS)
    scale = spread_scale(c.kernels, rule, x, total, mean.scale * constant / columns.shape[0])
    return [Value(total, scale), Value(signs.astype("int32"))][: len(outputs)]


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
    y = c.kernels.normalise(rows_of(x), mean.data, gain, offset, NORM_FRACTION_BITS)
    return [Value(y.reshape(x.shape), NORMALISED_SCALE)]


@executes("normalise_rows")
def normalise_rows(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """A multiplier per group holds 1 / spread, then one per channel gamma."""
    rest, offsets = (inputs, ()) if is_about_zero(op) else (inputs[:-1], inputs[-1:])
    x, *means, spread, gamma = rest
    words = standardised(c, op, x, centre_of(c, op, x, means), spread)
    if not x.format.is_integer:
        weighed = words * gamma.data
        return [Value(weighed + offsets[0].data if offsets else weighed)]
    # The same kernel with a centre of zero and no fraction bits: a gain and an offset for each channel.
    centre = c.kernels.xp.zeros(x.shape[-1], dtype="int32")
    factor, *added = numbers(c.kernels, gamma, *offsets)
    gain = c.kernels.forward_gain(factor, ONE, 1.0)
    offset = c.kernels.offsets(added[0], NORMALISED_SCALE) if added else np.zeros(x.shape[-1], dtype=np.int64)
    y = c.kernels.normalise(words.reshape(-1, x.shape[-1]), centre, gain, offset, 0)
    return [Value(y.reshape(x.shape), NORMALISED_SCALE)]


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
    scale = x.scale * NORM_FRACTION
    return [Value(c.kernels.quantise(running.data, scale, INT32_MIN, INT32_MAX, "int32"), scale)]


@executes("recall_spread")
def recall_spread(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """1 / the running inverse."""
    inverse = c.kernels.reciprocals(numbers(c.kernels, inputs[0])[0], 1.0)
    return [Value(c.kernels.xp.asarray(inverse.astype(outputs[0].format.storage)))]


def _root(squared: Any, epsilon: float, *, inside: bool) -> Any:
    """sqrt(squared + epsilon), or sqrt(squared) + epsilon where that is not ``inside``."""
    return (squared + epsilon) ** 0.5 if inside else squared**0.5 + epsilon
