"""Quantise unit: from floats or wide integers to the format of the next role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath.arrays import CHANNEL_FIRST, along_channels, is_per_channel, on_device
from accelsim.datapath.context import Context
from accelsim.datapath.units.affine_scale import choose_affine
from accelsim.datapath.units.quantisers import QUANTISERS
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.scales import choose_scale
from accelsim.formats import FixedPointMultiplier, IntegerFormat, Rounding, TensorRule, integer
from accelsim.formats.doubles import floor_log2, power_of_two
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

# An enumeration looks its members up slowly, and these are asked for with every tensor.
NEAREST, NEAREST_EVEN, STOCHASTIC = Rounding.NEAREST, Rounding.NEAREST_EVEN, Rounding.STOCHASTIC


@executes("quantise", "requantise", "convert", "dequantise")
def convert(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Any tensor to its new format: integers by a route of their own, other families by their quantiser."""
    (x,), (output,) = inputs, outputs
    rule = c.recipe.of(op.layer)[output.role]
    if isinstance(output.format, IntegerFormat):
        return [(_requantise if x.format.is_integer else _quantise)(c, x, output, rule)]
    return [QUANTISERS[output.format.family](c, x, output, rule)]


def _quantise(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> Value:
    """Floats to codes: divided by the new scale in double precision and rounded."""
    scale, zero, (low, high), storage = _target(c, x, output, rule)
    divisor = along_channels(scale, x.data.ndim, output.role)
    # A float that carries a scale of its own is divided by the ratio of both.
    ratio = divisor / x.scale
    if rule.rounding is STOCHASTIC:
        random = c.random_stream(output.name, rule)
        codes = c.kernels.quantise_stochastic(x.data, ratio, random, low, high, storage)
    elif rule.rounding in (NEAREST, NEAREST_EVEN):
        codes = c.kernels.quantise(x.data, ratio, low, high, storage)
    else:
        codes = c.kernels.quantise_as(x.data, ratio, rule.rounding, low, high, storage)
    return _finished(c, output, codes, scale, zero)


def _requantise(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> Value:
    """Wide codes to narrow ones: fixed-point multiplier and rounding shift."""
    scale, zero, (low, high), storage = _target(c, x, output, rule)
    data, ratio = _in_a_word(c, x, x.scale / scale, output.format.bits - (not rule.affine))
    multiplier, first = c.kernels.multiplier(ratio), is_per_channel(scale) and output.role in CHANNEL_FIRST
    if first:
        # Kernels have channels last.
        data = c.kernels.xp.ascontiguousarray(c.kernels.xp.moveaxis(data, 0, -1))
        low, high = (np.reshape(limit, -1) if is_per_channel(limit) else limit for limit in (low, high))
    if rule.rounding is NEAREST:
        codes = c.kernels.requantise(data, multiplier, low, high, storage)
    elif rule.rounding is STOCHASTIC:
        random = c.random_stream(output.name, rule)
        codes = c.kernels.requantise_stochastic(data, multiplier, random, low, high, storage)
    else:
        codes = c.kernels.requantise_once(data, multiplier, rule.rounding, low, high, storage)
    if first:
        codes = c.kernels.xp.ascontiguousarray(c.kernels.xp.moveaxis(codes, -1, 0))
    return _finished(c, output, codes, scale, zero)


def _in_a_word(c: Context, x: Tensor, ratio: Any, bits: int) -> tuple[Any, Any]:
    """Codes of more than 32 bits shifted into 32, and their ratio to the new scale.

    The bits dropped lie below 2**-30 of the largest value that the new codes (``bits`` without sign) can hold; what is
    larger saturates.
    """
    if x.format.bits <= 32:
        return x.data, ratio
    shift = (bits - 31 - floor_log2(np, ratio)).clip(0, 63)
    widened = ratio * power_of_two(np, shift)
    return c.kernels.dropped(x.data, shift), widened if np.ndim(widened) else float(widened)


@executes("quantise_bias")
def quantise_bias(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """A bias as codes on the accumulators' scale."""
    (bias, x, w), (output,) = inputs, outputs
    if not output.format.is_integer and not bias.format.is_integer:
        # A master copy in bf16 or fp16 is exact in the floating-point accumulators' fp32.
        return [Value(bias.data.astype(output.format.storage))]
    scale, limits = x.scale * w.scale, _limits(output)
    if bias.format.is_integer:
        multiplier = FixedPointMultiplier.from_real(bias.scale / scale)
        return [Value(c.kernels.requantise(bias.data, multiplier, *limits, output.format.storage), scale)]
    return [Value(c.kernels.quantise(bias.data, scale, *limits, output.format.storage), scale)]


class _Target(NamedTuple):
    """What codes are rounded to: centred ones, which the zero point then shifts to where they belong."""

    scale: Any
    zero_point: Any
    limits: tuple[Any, Any]
    storage: str


def _target(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> _Target:
    low, high = _limits(output)
    if not rule.affine or not isinstance(output.format, IntegerFormat):
        return _Target(choose_scale(c, x, output, rule, high), None, (low, high), output.format.storage)
    scale, zero = choose_affine(c, x, output, rule, output.format)
    zeros = along_channels(zero, x.data.ndim, output.role)
    limits = output.format.min_code - zeros, output.format.max_code - zeros
    return _Target(scale, zeros, limits, integer(output.format.bits + 1).storage)


def _finished(c: Context, output: TensorSpec, codes: Any, scale: Any, zero: Any) -> Value:
    """Apply the zero point."""
    if zero is None:
        return Value(codes, scale)
    return Value((codes + on_device(c.kernels.xp, zero)).astype(output.format.storage), scale, zero)


def _limits(output: TensorSpec) -> tuple[int, int]:
    if not isinstance(output.format, IntegerFormat):
        raise TypeError(f"{output.name} is not bound for an integer format")
    return output.format.symmetric_min_code, output.format.max_code
