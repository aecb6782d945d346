"""Quantise unit: from floats or wide integers to the format of the next role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.context import Context
from accelsim.datapath.units.quantisers import QUANTISERS
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.scales import CHANNEL_FIRST, choose_scale
from accelsim.formats import FixedPointMultiplier, IntegerFormat, Rounding, TensorRule
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("quantise", "requantise", "convert", "dequantise")
def convert(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Any tensor to its new format: integers by a route of their own, other families by their quantiser."""
    (x,), (output,) = inputs, outputs
    rule = c.recipe[output.role]
    if isinstance(output.format, IntegerFormat):
        return [(_requantise if x.format.is_integer else _quantise)(c, x, output, rule)]
    value = QUANTISERS[output.format.family](c, x, output, rule, op.attributes["axis"])
    c.count(output.name, x, value.data, value.scale, output.format)
    return [value]


def _quantise(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> Value:
    """Floats to codes: divided by the new scale in double precision and rounded."""
    storage, (low, high) = output.format.storage, _limits(output)
    scale = choose_scale(c, x, output, rule, high)
    divisor = _along_channels(scale, x.data.ndim, first=output.role in CHANNEL_FIRST)
    # A float that carries a scale of its own is divided by the ratio of both.
    ratio = divisor / x.scale
    if rule.rounding is Rounding.STOCHASTIC:
        random = c.random_stream(output.name, rule)
        codes = c.kernels.quantise_stochastic(x.data, ratio, random, low, high, storage)
    elif rule.rounding in (Rounding.NEAREST, Rounding.NEAREST_EVEN):
        codes = c.kernels.quantise(x.data, ratio, low, high, storage)
    else:
        codes = c.kernels.quantise_as(x.data, ratio, rule.rounding, low, high, storage)
    c.count(output.name, x, codes, divisor, output.format)
    return Value(codes, scale)


def _requantise(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> Value:
    """Wide codes to narrow ones: fixed-point multiplier and rounding shift."""
    storage, (low, high) = output.format.storage, _limits(output)
    scale = choose_scale(c, x, output, rule, high)
    multiplier = FixedPointMultiplier.from_real(x.scale / scale)
    if rule.rounding is Rounding.NEAREST:
        codes = c.kernels.requantise(x.data, multiplier, low, high, storage)
    elif rule.rounding is Rounding.STOCHASTIC:
        random = c.random_stream(output.name, rule)
        codes = c.kernels.requantise_stochastic(x.data, multiplier, random, low, high, storage)
    else:
        codes = c.kernels.requantise_once(x.data, multiplier, rule.rounding, low, high, storage)
    c.count(output.name, x, codes, scale, output.format)
    return Value(codes, scale)


@executes("quantise_bias")
def quantise_bias(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """A float bias as codes on the accumulators' scale."""
    (bias, x, w), (output,) = inputs, outputs
    scale = x.scale * w.scale
    codes = c.kernels.quantise(bias.data, scale, *_limits(output), output.format.storage)
    return [Value(codes, scale)]


def _limits(output: TensorSpec) -> tuple[int, int]:
    if not isinstance(output.format, IntegerFormat):
        raise TypeError(f"{output.name} is not bound for an integer format")
    return output.format.symmetric_min_code, output.format.max_code


def _along_channels(scale: Any, axes: int, *, first: bool) -> Any:
    """``scale`` shaped so that it divides a tensor: per-channel scales along the first or the last axis."""
    return np.reshape(scale, (-1, *[1] * (axes - 1))) if np.ndim(scale) and first else scale
