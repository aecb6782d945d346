"""Normalisation unit, forward: statistics and their running averages, and normalise, in fixed point for integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelsim.datapath.context import NORM_FRACTION, NORM_FRACTION_BITS, NORMALISED_SCALE, Context
from accelsim.datapath.kernels.numbers import ONE, Numbers
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.datapath.units import norm_float
from accelsim.datapath.units.norm_groups import columns_of, rows_of, standardised
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
    rule, columns = c.recipe.norm, columns_of(c, op, x)
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
    rule, columns, constant = c.recipe.norm, columns_of(c, op, x), op.attributes["constant"]
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
    y = c.kernels.normalise(rows_of(x), mean.data, gain, offset, NORM_FRACTION_BITS)
    return [Value(y.reshape(x.shape), NORMALISED_SCALE)]


@executes("normalise_rows")
def normalise_rows(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """A multiplier per group holds 1 / spread, then one per channel gamma."""
    x, mean, spread, gamma, beta = inputs
    words = standardised(c, op, x, mean, spread)
    if not x.format.is_integer:
        return [Value(words * gamma.data + beta.data)]
    # The same kernel with a centre of zero and no fraction bits: a gain and an offset for each channel.
    centre = c.kernels.xp.zeros(x.shape[-1], dtype="int32")
    factor, added = numbers(c.kernels, gamma, beta)
    gain, offset = c.kernels.forward_gain(factor, ONE, 1.0), c.kernels.offsets(added, NORMALISED_SCALE)
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


def _deviation(c: Context, x: Any, epsilon: float, *, inside: bool) -> Any:
    """sqrt(variance + epsilon), or sqrt(variance) + epsilon where that is not ``inside``; rounded once to floats."""
    variance = c.kernels.float_variance(x)
    return ((variance + epsilon) ** 0.5 if inside else variance**0.5 + epsilon).astype(x.dtype)
