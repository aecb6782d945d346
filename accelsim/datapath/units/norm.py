"""Normalisation unit: statistics, normalise and backward, in fixed point for integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.context import NORM_FRACTION_BITS, NORMALISED_SCALE, Context
from accelsim.datapath.units import norm_float
from accelsim.datapath.units.registry import executes
from accelsim.formats import FixedPointMultiplier
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

FRACTION = 2.0**-NORM_FRACTION_BITS
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def _rows(x: Tensor) -> Any:
    return x.data.reshape(-1, x.shape[-1])


def real(x: Tensor) -> Any:
    """Values of a per-channel tensor in double precision, on the host: where scales are worked out."""
    return np.asarray(x.data, dtype=np.float64) * x.scale


def reciprocal(spread: Tensor) -> Any:
    """1 / spread per channel; a zero range gives 0, so such a channel puts out beta and passes no gradient."""
    values = real(spread)
    return np.divide(1.0, values, out=np.zeros_like(values), where=values != 0)


@executes("reduce_mean")
def reduce_mean(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Mean per channel, with fraction bits below the code."""
    (x,) = inputs
    if not x.format.is_integer:
        return [Value(norm_float.mean(_rows(x)))]
    return [Value(c.kernels.mean(_rows(x), NORM_FRACTION_BITS).astype("int32"), x.scale * FRACTION)]


@executes("reduce_range")
def reduce_range(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Range per channel (sum over chunks) and where the extremes stand."""
    (x,) = inputs
    chunks, constant = op.attributes["chunks"], op.attributes["constant"]
    if not x.format.is_integer:
        spread, extremes = norm_float.scaled_range(c.kernels.xp, _rows(x), chunks, constant)
        return [Value(spread), Value(extremes)]
    total, extremes = c.kernels.range_sum(_rows(x), chunks)
    return [Value(total.astype("int32"), x.scale * constant / chunks), Value(extremes.astype("int32"))]


@executes("reduce_deviation")
def reduce_deviation(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Standard deviation per channel as an integer square root."""
    (x,) = inputs
    if not x.format.is_integer:
        return [Value(norm_float.deviation(_rows(x)))]
    return [Value(c.kernels.deviation(_rows(x)), x.scale / _rows(x).shape[0])]


@executes("normalise")
def normalise(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """One multiplier per channel holds gamma over spread."""
    x, mean, spread, gamma, beta = inputs
    if not x.format.is_integer:
        return [Value(norm_float.normalise(x.data, mean.data, spread.data, gamma.data, beta.data))]
    gain = real(gamma) * reciprocal(spread) * (mean.scale / NORMALISED_SCALE)
    offset = np.floor(real(beta) / NORMALISED_SCALE + 0.5).astype(np.int64)
    y = c.kernels.normalise(
        _rows(x), mean.data, FixedPointMultiplier.from_real(gain), c.kernels.xp.asarray(offset), NORM_FRACTION_BITS
    )
    return [Value(y.reshape(x.shape), NORMALISED_SCALE)]


@executes("reduce_products")
def reduce_products(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """sum g and sum g (x - mean), exactly."""
    g, x, mean, spread = inputs
    if not x.format.is_integer:
        beta, gamma = norm_float.products(_rows(g), _rows(x), mean.data, spread.data)
        return [Value(beta), Value(gamma)]
    g_sum = c.kernels.channel_sum(_rows(g))
    # sum g (x - mean) = sum g x - mean sum g, exactly, in units of the mean's fixed point.
    gd_sum = (c.kernels.channel_products(_rows(g), _rows(x)) << NORM_FRACTION_BITS) - mean.data * g_sum
    return [Value(g_sum, g.scale), Value(gd_sum, g.scale * mean.scale * reciprocal(spread))]


@executes("range_norm_backward")
def range_norm_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """dx of range batch norm: e - mean(e), less the spread gradient at the extremes, times gamma over spread."""
    g, spread, extremes, gamma, beta_sum, gamma_sum = inputs
    if not g.format.is_integer:
        dx = norm_float.range_backward(
            _rows(g), spread.data, extremes.data, gamma.data, (beta_sum.data, gamma_sum.data), op.attributes["constant"]
        )
        return [Value(dx.reshape(g.shape))]
    multiplier, scale = _gradient_multiplier(g, spread, gamma)
    dx = c.kernels.range_norm_backward(
        _rows(g), (beta_sum.data, gamma_sum.data), spread.data, extremes.data, multiplier, NORM_FRACTION_BITS
    )
    return [Value(dx.reshape(g.shape), scale)]


@executes("batch_norm_backward")
def batch_norm_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """dx of ordinary batch norm."""
    g, x, mean, spread, gamma, beta_sum, gamma_sum = inputs
    if not g.format.is_integer:
        dx = norm_float.backward(
            _rows(g), _rows(x), (mean.data, spread.data), gamma.data, (beta_sum.data, gamma_sum.data)
        )
        return [Value(dx.reshape(g.shape))]
    rows = _rows(g).shape[0]
    multiplier, scale = _gradient_multiplier(g, spread, gamma)
    # sum(g d) / sum(d^2): sum(d^2) is spread^2 / rows in code units, gamma_sum carries the fraction bits once.
    codes = np.asarray(spread.data, dtype=np.float64)
    products = np.asarray(gamma_sum.data, dtype=np.float64) * FRACTION
    along = np.divide(products * rows, codes * codes, out=np.zeros_like(codes), where=codes != 0)
    g_mean = c.kernels.divide_rounded(beta_sum.data << NORM_FRACTION_BITS, rows)
    dx = c.kernels.batch_norm_backward(
        _rows(g),
        _rows(x),
        c.kernels.xp.stack([g_mean, mean.data.astype("int64")]),
        FixedPointMultiplier.from_real(along),
        multiplier,
        NORM_FRACTION_BITS,
    )
    return [Value(dx.reshape(g.shape), scale)]


@executes("track")
def track(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Moves the running statistic; written in place."""
    running, statistic = inputs
    momentum = np.float32(op.attributes["momentum"])
    new = c.kernels.xp.asarray(real(statistic).astype(running.format.storage))
    c.state[running.name] = momentum * running.data + (np.float32(1) - momentum) * new
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


def _gradient_multiplier(g: Tensor, spread: Tensor, gamma: Tensor) -> tuple[FixedPointMultiplier, float]:
    """gamma / spread per channel, relative to the largest, and the scale of the words that leave."""
    gain = real(gamma) * reciprocal(spread)
    largest = float(np.max(np.abs(gain))) or 1.0
    return FixedPointMultiplier.from_real(gain / largest), float(g.scale * FRACTION * largest)
