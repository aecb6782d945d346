"""Vector unit: ReLU, addition, pooling, loss; int32 inside for integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.arrays import is_per_channel
from accelsim.datapath.context import Context
from accelsim.datapath.divergence import expect_finite_logits
from accelsim.datapath.kernels.portable import sum_in_pairs
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.datapath.units.limit import below_limit, limited
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.scales import multiplied_out
from accelsim.formats import FixedPointMultiplier
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("relu")
def relu(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """max(x, 0) on the codes: zero is code 0, and a maximum is the code nearest to it."""
    (x,) = inputs
    y = c.kernels.relu(x.data)
    if "maximum" in op.attributes:
        y = limited(c.kernels.xp, y, x, op.attributes["maximum"])
    return [Value(y, x.scale)]


@executes("relu_backward")
def relu_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """g where y is positive, and below the maximum's code."""
    g, y = inputs
    masked = c.kernels.relu_backward(g.data, y.data)
    if "maximum" in op.attributes:
        masked = masked * below_limit(c.kernels.xp, y, op.attributes["maximum"])
    return [Value(masked, g.scale)]


@executes("add")
def add(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Both operands on one scale, then one integer addition."""
    a, b = inputs
    if not a.format.is_integer:
        left, right = (multiplied_out(c.kernels.xp, x.data, x.scale) for x in (a, b))
        return [Value((left + right).astype(outputs[0].format.storage, copy=False))]
    peaks = c.kernels.largest_magnitudes(a.data, b.data)
    steps = [float(np.max(x.scale)) if is_per_channel(x.scale) else float(x.scale) for x in (a, b)]
    # The sum of both ranges fits 30 bits, so neither rescaling nor the addition can overflow.
    bound = peaks[0] * steps[0] + peaks[1] * steps[1] or 1.0
    scale = bound / 2.0**30
    if max(steps) >= bound:
        # A single code of 1 beside zeros: a multiplier of 2**30 would leave no bit to round at.
        scale *= 2.0
    # Zeros may have any scale, however far beyond the sum's.
    ratios = [x.scale / scale if peak else 0.0 for peak, x in zip(peaks, (a, b), strict=True)]
    multipliers = (FixedPointMultiplier.from_real(ratio) for ratio in ratios)
    return [Value(c.kernels.add(a.data, b.data, *multipliers), scale)]


@executes("max_pool2d")
def max_pool2d(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Maxima of codes: order is the same on codes as on values."""
    (x,) = inputs
    lowest = -float("inf") if not x.format.is_integer else c.kernels.xp.iinfo(x.data.dtype).min
    best, winner = c.kernels.max_pool2d(x.data, *_window(op), _size(outputs[0]), lowest)
    return [Value(best, x.scale), Value(winner)]


@executes("max_pool2d_backward")
def max_pool2d_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Gradients to the taps that won."""
    (g, winner), (output,) = inputs, outputs
    spread = c.kernels.max_pool2d_backward(g.data, winner.data, *_window(op), output.shape)
    return [_wide(c, spread, g, output, 1)]


@executes("average_pool2d")
def average_pool2d(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Sums; the scale divides."""
    (x,), (output,) = inputs, outputs
    total = c.kernels.average_pool2d(x.data, *_window(op), _size(output))
    return [_wide(c, total, x, output, _taps(op))]


@executes("average_pool2d_backward")
def average_pool2d_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Gradients to all taps; the scale divides."""
    (g,), (output,) = inputs, outputs
    spread = c.kernels.average_pool2d_backward(g.data, *_window(op), output.shape)
    return [_wide(c, spread, g, output, _taps(op))]


@executes("softmax_cross_entropy")
def softmax_cross_entropy(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Mean loss and (probability - target) / rows of the whole batch, times the loss scale, in the loss format.

    Raises:
        UserError: gradients that are not finite would be taken for an overflow, but it is the logits that aren't.
    """
    logits, labels = inputs
    if c.training and c.recipe.skips_overflows:
        expect_finite_logits(c, logits)
    xp, (rows, classes), smoothing = c.kernels.xp, logits.shape, op.attributes["smoothing"]
    real = multiplied_out(xp, logits.data, logits.scale)
    # The losses serve the report alone; no bit of the training depends on them.
    probabilities, losses = c.kernels.softmax_and_losses(real, labels.data, smoothing)
    if smoothing:
        probabilities -= smoothing / classes
    probabilities[xp.arange(rows), labels.data] -= 1.0 - smoothing
    gradient = probabilities / (rows * op.attributes.get("parts", 1))
    if c.training and c.recipe.loss_scale is not None:
        gradient = gradient * c.loss_scale
    storage = outputs[0].format.storage
    return [Value((sum_in_pairs(xp, losses) / rows).astype(storage)), Value(gradient.astype(storage))]


def _window(op: Operation) -> tuple[Any, Any, Any]:
    return op.attributes["kernel"], op.attributes["stride"], op.attributes["padding"]


def _size(output: TensorSpec) -> tuple[int, int]:
    return output.shape[1], output.shape[2]


def _taps(op: Operation) -> int:
    rows, columns = op.attributes["kernel"]
    return int(rows * columns)


def _saturated(c: Context, x: Any) -> Any:
    return x if x.dtype == "int32" else c.kernels.xp.clip(x, INT32_MIN, INT32_MAX).astype("int32")


def _wide(c: Context, x: Any, source: Tensor, output: TensorSpec, divisor: int) -> Value:
    """Integers saturate to 32 bits and carry the divisor in their scale; floats are divided."""
    if output.format.is_integer:
        return Value(_saturated(c, x), source.scale / divisor)
    return Value((x * (source.scale / divisor)).astype(output.format.storage))
