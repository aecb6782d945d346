"""Random Hadamard transform of the vector unit: additions in fp32, in the order of the fast transform."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from accelsim.datapath.context import Context
from accelsim.datapath.kernels import RandomStream
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.scales import multiplied_out
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec, part_suffix


@executes("hadamard")
def hadamard(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Signs are keyed by (seed, step, crc32 of LAYER.signs, place in the group): one layer's operands share them."""
    (x,), (output,), size = inputs, outputs, op.attributes["size"]
    xp = c.kernels.xp
    stream = RandomStream(c.seed, c.step, zlib.crc32(f"{op.layer}.signs{part_suffix(op.part)}".encode()), 1)
    signs = 1 - 2 * c.kernels.random_codes(stream, size).astype(output.format.storage)
    data = multiplied_out(xp, xp.asarray(x.data), x.scale).astype(output.format.storage, copy=False)
    return [Value(rotated(xp, data, signs).reshape(output.shape))]


def rotated(xp: Any, x: Any, signs: Any) -> Any:
    """``x`` with each whole group of ``len(signs)`` rows transformed: sums and differences of rows 1, 2, 4 .. apart."""
    size = signs.size
    whole = x.shape[0] // size * size
    groups, distance = x[:whole].reshape(-1, size, x[0].size) * signs[:, None], 1
    while distance < size:
        pairs = groups.reshape(-1, size // (2 * distance), 2, distance, x[0].size)
        upper, lower = pairs[:, :, 0], pairs[:, :, 1]
        groups = xp.stack((upper + lower, upper - lower), axis=2)
        distance *= 2
    y = x.copy()
    y[:whole] = groups.reshape(y[:whole].shape) * size**-0.5
    return y
