"""Update unit: bias sums and the optimizer's arithmetic on the master copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.context import Context
from accelsim.datapath.units.clip import clipped_gradient, states
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.update_integer import integer_sgd
from accelsim.formats import FP32, FloatFormat, Rounding
from accelsim.formats.float_codes import round_to_float
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("reduce_sum")
def reduce_sum(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Sum per channel."""
    (g,) = inputs
    rows = g.data.reshape(-1, g.shape[-1])
    if g.format.is_integer:
        return [Value(c.kernels.channel_sum(rows), g.scale)]
    return [Value((rows.sum(axis=0, dtype="float64") * g.scale).astype(outputs[0].format.storage))]


@executes("sgd")
def sgd(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Integer master weights by ``integer_sgd``; for floats each product and each sum is rounded to fp32, in the order
    that the instruction states. A step that is skipped changes nothing."""
    if c.skips_update:
        return []
    w, gradient, *_ = inputs
    velocity = states(inputs)
    if w.format.is_integer:
        integer_sgd(c, op, w, gradient, velocity[0] if velocity else None)
        return []
    momentum, decay = np.float32(op.attributes["momentum"]), np.float32(op.attributes["weight_decay"])
    nesterov, rate = op.attributes["nesterov"], np.float32(c.learning_rate)
    g = clipped_gradient(c, inputs)
    if velocity and not nesterov and _holds_fp32(w) and _holds_fp32(velocity[0]):
        (v,) = velocity
        c.state[v.name], c.state[w.name] = c.kernels.momentum_step(w.data, v.data, g, momentum, decay, rate)
        return []
    if decay and (nesterov or not velocity):
        g = c.kernels.multiply_add(w.data, decay, g)
        decay = np.float32(0)
    if velocity:
        (v,) = velocity
        kept = c.state[v.name] = stored(c, v, c.kernels.momentum(v.data, momentum, g, w.data, decay))
        g = c.kernels.multiply_add(kept, momentum, g) if nesterov else kept
    c.state[w.name] = stored(c, w, c.kernels.multiply_add(g, -rate, w.data))
    return []


def stored(c: Context, kept: Tensor, new: Any) -> Any:
    """``new`` as the format of ``kept`` holds it: stochastic rounding lets small updates through on average."""
    format_, rule = kept.format, c.recipe[kept.role]
    if not isinstance(format_, FloatFormat) or _holds_fp32(kept):
        return new
    if rule.rounding is not Rounding.STOCHASTIC:
        return round_to_float(c.kernels.xp, new, format_)
    stream = c.random_stream(f"{kept.name}.update", rule)
    random = c.kernels.random_codes(stream, new.size).reshape(new.shape)
    return round_to_float(c.kernels.xp, new, format_, "stochastic", random, rule.random_bits)


def _holds_fp32(kept: Tensor) -> bool:
    """True where what is stored is not rounded again."""
    return isinstance(kept.format, FloatFormat) and kept.format.bits >= FP32.bits
