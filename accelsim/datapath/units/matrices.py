"""Products as plain matrices, term by term in the order in which the array adds: for accumulators that saturate.

Slow beside the implicit convolutions, and needed only where the order of addition decides a bit.
"""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels import Kernels
from accelsim.machine import Tensor
from accelsim.program import Operation, TensorSpec


def as_matrices(k: Kernels, op: Operation, inputs: tuple[Tensor, ...], output: TensorSpec) -> tuple[Any, Any]:
    """Left (m, k) and right (k, n) int64 operands of the operation's product; (m, n) is ``output``, reshaped."""
    first, second = inputs[0].data, inputs[1].data
    if op.opcode == "matmul":
        return first, second.T
    if op.opcode == "matmul_backward_data":
        return first, second
    if op.opcode == "matmul_backward_weights":
        return second.T, first
    kernel, stride, padding = (op.attributes[name] for name in ("kernel", "stride", "padding"))
    if op.opcode == "conv2d":
        return k.unfold(k.pad(first, padding), kernel, stride, "int64"), second.reshape(second.shape[0], -1).T
    if op.opcode == "conv2d_backward_weights":
        gradient = second.reshape(-1, second.shape[3]).T
        return gradient, k.unfold(k.pad(first, padding), kernel, stride, "int64")[: gradient.shape[1]]
    spaced = _spaced(k, first, kernel, stride, padding, output.shape)
    flipped = second[:, ::-1, ::-1].transpose(1, 2, 0, 3).reshape(-1, second.shape[3])
    return k.unfold(spaced, kernel, (1, 1), "int64"), flipped


def _spaced(
    k: Kernels,
    g: Any,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    shape: tuple[int, ...],
) -> Any:
    """g with zeros between its positions and around them, so that the data gradient is a plain convolution."""
    batch, height, width, _ = shape
    size = (height + kernel[0] - 1, width + kernel[1] - 1)
    spaced = k.xp.zeros((batch, size[0] + 2 * padding[0], size[1] + 2 * padding[1], g.shape[3]), dtype=g.dtype)
    down, right = (slice(e - 1, e - 1 + n * s, s) for e, n, s in zip(kernel, g.shape[1:3], stride, strict=True))
    spaced[:, down, right] = g
    return spaced[:, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]
