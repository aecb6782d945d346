"""Quantise unit: from floats or wide integers to the format of the next role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelsim.datapath.context import Context
from accelsim.datapath.units.registry import executes
from accelsim.errors import UserError
from accelsim.formats import FixedPointMultiplier, IntegerFormat, Role, Rounding
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("quantise")
def quantise(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Floats to codes: divided by the new scale in double precision and rounded."""
    (x,), (output,) = inputs, outputs
    storage, (low, high) = output.format.storage, _limits(output)
    scale = _range(c, x, output) / high
    if op.attributes["rounding"] == Rounding.STOCHASTIC:
        random = c.random_stream(output.name, op.attributes["random_bits"])
        codes = c.kernels.quantise_stochastic(x.data, scale, random, low, high, storage)
    else:
        codes = c.kernels.quantise(x.data, scale, low, high, storage)
    return [Value(codes, scale)]


@executes("requantise")
def requantise(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Wide codes to narrow ones: fixed-point multiplier and rounding shift."""
    (x,), (output,) = inputs, outputs
    storage, (low, high) = output.format.storage, _limits(output)
    scale = _range(c, x, output) / high
    multiplier = FixedPointMultiplier.from_real(x.scale / scale)
    if op.attributes["rounding"] == Rounding.STOCHASTIC:
        random = c.random_stream(output.name, op.attributes["random_bits"])
        codes = c.kernels.requantise_stochastic(x.data, multiplier, random, low, high, storage)
    else:
        codes = c.kernels.requantise(x.data, multiplier, low, high, storage)
    return [Value(codes, scale)]


@executes("dequantise")
def dequantise(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Codes times scale in double precision, rounded to the float format."""
    (x,), (output,) = inputs, outputs
    return [Value((x.data.astype("float64") * x.scale).astype(output.format.storage))]


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


def _range(c: Context, x: Tensor, output: TensorSpec) -> float:
    """Largest magnitude that the codes must reach: the tensor's own; for activations in evaluation the running one.

    An all-zero tensor gets the range 1, since any scale represents it.
    """
    if output.role is Role.ACTIVATION and not c.training and output.name in c.ranges:
        return c.ranges[output.name]
    largest = c.kernels.largest_magnitude(x.data) * _scalar(x.scale)
    if not largest < float("inf"):
        raise UserError(f"training diverged: {x.name} is not finite in step {c.step}; a lower learning rate may help")
    largest = largest or 1.0
    if output.role is Role.ACTIVATION and c.training:
        old = c.ranges.get(output.name, largest)
        c.ranges[output.name] = old * c.recipe.range_momentum + largest * (1 - c.recipe.range_momentum)
    return largest


def _scalar(scale: Any) -> float:
    return float(scale)
