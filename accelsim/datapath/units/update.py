"""Update unit: bias sums and the optimizer's arithmetic on the master copy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from accelsim.datapath.context import Context
from accelsim.datapath.units.registry import executes
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
    """Each product and each sum is rounded to fp32, in the order that the instruction states."""
    w, gradient, *velocity = inputs
    momentum, decay = np.float32(op.attributes["momentum"]), np.float32(op.attributes["weight_decay"])
    g = gradient.data + decay * w.data if decay else gradient.data
    if velocity:
        g = momentum * velocity[0].data + g
        c.state[velocity[0].name] = g
    c.state[w.name] = w.data - np.float32(c.learning_rate) * g
    return []
