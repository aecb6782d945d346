"""Normalisation unit, backward: sums of the gradient, and the gradient of the input, in fixed point for integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.context import NORM_FRACTION, NORM_FRACTION_BITS, NORMALISED_SCALE, Context
from accelsim.datapath.kernels.norm_float import divisor, gradient_sums
from accelsim.datapath.kernels.numbers import divided
from accelsim.datapath.units import norm_float
from accelsim.datapath.units.norm_groups import (
    centre_of,
    columns_of,
    is_about_zero,
    restored,
    rows_of,
    standardised,
)
from accelsim.datapath.units.norm_scale import damping, epsilon, gradient_multiplier, is_inside, numbers
from accelsim.datapath.units.registry import executes
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("reduce_products")
def reduce_products(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """sum g, where there is a mean, and sum g (x - mean), exactly."""
    g, x, *means, spread = inputs
    gradient, columns, mean = columns_of(c, op, g), columns_of(c, op, x), centre_of(c, op, x, means)
    if not x.format.is_integer:
        sums = c.kernels.float_products(gradient, columns, mean.data, spread.data)
        return [Value(total) for total in sums[-len(outputs) :]]
    g_sum, gx_sum = c.kernels.gradient_sums(gradient, columns)
    # sum g (x - mean) = sum g x - mean sum g, exactly, in units of the mean's fixed point.
    gd_sum = (gx_sum << NORM_FRACTION_BITS) - mean.data * g_sum
    scales = c.kernels.reciprocals(numbers(c.kernels, spread)[0], g.scale * mean.scale)
    return [Value(g_sum, g.scale), Value(gd_sum, scales)][-len(outputs) :]


@executes("reduce_row_products")
def reduce_row_products(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """sum g, where there is a mean, and sum g (x - mean) / spread by channel; the second factor is the word that
    ``normalise_rows`` scaled."""
    g, x, *means, spread = inputs
    words = standardised(c, op, x, centre_of(c, op, x, means), spread).reshape(-1, x.shape[-1])
    if not x.format.is_integer:
        return [Value(total) for total in gradient_sums(rows_of(g), words)[-len(outputs) :]]
    weighted = Value(c.kernels.channel_products(rows_of(g), words), g.scale * NORMALISED_SCALE)
    return [Value(c.kernels.channel_sum(rows_of(g)), g.scale), weighted] if means else [weighted]


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
    if is_about_zero(op):
        return [_range_about_zero_backward(c, op, *inputs)]
    g, spread, extremes, *gamma, g_sum, products = inputs
    columns = columns_of(c, op, g)
    if not g.format.is_integer:
        gain, sums = _float_gain(spread, gamma), (g_sum.data, products.data)
        dx = norm_float.range_backward(c.kernels.xp, columns, gain, extremes.data, sums, op.attributes["constant"])
        return [Value(restored(c, op, dx, g.shape))]
    multiplier, largest = gradient_multiplier(c.kernels, spread, gamma)
    share = c.kernels.spread_share(products.data, spread.data, damping(c.kernels, c.recipe.norm, spread))
    dx = c.kernels.range_norm_backward(columns, g_sum.data, share, extremes.data, multiplier, NORM_FRACTION_BITS)
    return [Value(restored(c, op, dx, g.shape), g.scale * NORM_FRACTION * largest)]


@executes("batch_norm_backward")
def batch_norm_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """dx of norm by the standard deviation: g - mean(g), less its part along x - mean, times gamma over spread."""
    g, x, mean, spread, *gamma, g_sum, products = _completed(c, op, inputs)
    rule, gradient, columns = c.recipe.norm, columns_of(c, op, g), columns_of(c, op, x)
    if not g.format.is_integer:
        gain, sums = _float_gain(spread, gamma), (g_sum.data, products.data)
        outside = 0.0 if is_inside(rule) else epsilon(rule, g)
        dx = c.kernels.float_norm_backward(gradient, columns, mean.data, spread.data, gain, sums, outside)
        return [Value(restored(c, op, dx, g.shape))]
    rows = gradient.shape[0]
    multiplier, largest = gradient_multiplier(c.kernels, spread, gamma)
    # sum(g d) / sum(d^2): sum(d^2) is spread^2 / rows in code units, the products carry the fraction bits once.
    codes, total = (x.astype(np.float64) for x in c.kernels.on_host(spread.data, products.data))
    along, damped = divided(total * NORM_FRACTION * rows, codes * codes), damping(c.kernels, rule, spread, squared=True)
    g_mean = c.kernels.divide_rounded(g_sum.data << NORM_FRACTION_BITS, rows)
    dx = c.kernels.batch_norm_backward(
        gradient,
        columns,
        c.kernels.xp.stack([g_mean, mean.data.astype("int64")]),
        c.kernels.multiplier(along if damped is None else along * damped),
        multiplier,
        NORM_FRACTION_BITS,
    )
    return [Value(restored(c, op, dx, g.shape), g.scale * NORM_FRACTION * largest)]


@executes("l1_norm_backward")
def l1_norm_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """dx of l1 norm: e - mean(e), e = g - sum(g d) / sum|d| sign(d), times gamma over spread, with d = x - mean."""
    g, x, mean, spread, signs, *gamma, g_sum, products = _completed(c, op, inputs, signs=True)
    gradient, columns = columns_of(c, op, g), columns_of(c, op, x)
    if not g.format.is_integer:
        gain, sums = _float_gain(spread, gamma), (g_sum.data, products.data)
        each = c.kernels.xp.sign(columns - mean.data)
        dx = norm_float.l1_backward(gradient, each, signs.data, gain, sums, op.attributes["constant"])
        return [Value(restored(c, op, dx, g.shape))]
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
    return [Value(restored(c, op, dx, g.shape), g.scale * NORM_FRACTION * largest)]


def _completed(c: Context, op: Operation, inputs: tuple[Tensor, ...], *, signs: bool = False) -> tuple[Tensor, ...]:
    """Operands of a backward, with zeros about zero for the mean, the sum of signs and the sum of g."""
    if not is_about_zero(op):
        return inputs
    g, x, spread, *others = inputs
    zero = centre_of(c, op, x, [])
    return g, x, zero, spread, *([zero] if signs else []), *others[:-1], zero, others[-1]


def _range_about_zero_backward(
    c: Context, op: Operation, g: Tensor, spread: Tensor, places: Tensor, *others: Tensor
) -> Value:
    """dx of range norm about zero: g, less the spread gradient where the largest magnitude stands and by its sign."""
    *gamma, products = others
    columns, xp = columns_of(c, op, g), c.kernels.xp
    if not g.format.is_integer:
        gain, constant = _float_gain(spread, gamma), op.attributes["constant"]
        dx = norm_float.range_about_zero_backward(xp, columns, gain, places.data, products.data, constant)
        return Value(restored(c, op, dx, g.shape))
    multiplier, largest = gradient_multiplier(c.kernels, spread, gamma)
    # The range is twice the magnitude that its gradient lands on.
    share = c.kernels.spread_share(products.data << 1, spread.data, damping(c.kernels, c.recipe.norm, spread))
    # l1's rule, of a tensor that is zero everywhere else.
    signs = xp.zeros(columns.shape, dtype="int8")
    for chunk in range(places.shape[1]):
        signs[places.data[0, chunk], xp.arange(columns.shape[1])] = places.data[1, chunk].astype("int8")
    centres = xp.zeros((2, columns.shape[1]), dtype="int64")
    dx = c.kernels.l1_norm_backward(columns, signs, centres, share, multiplier, NORM_FRACTION_BITS)
    return Value(restored(c, op, dx, g.shape), g.scale * NORM_FRACTION * largest)


def _float_gain(spread: Tensor, gamma: list[Tensor]) -> Any:
    factor = gamma[0].data if gamma else spread.data.dtype.type(1)
    return factor / divisor(spread.data)
