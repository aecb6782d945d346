"""Products as plain matrices, term by term in the order in which the array adds.

Slow beside the implicit convolutions, and needed only where the order of addition decides a bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from accelsim.datapath.kernels import Kernels
from accelsim.machine import Tensor
from accelsim.program import Operation, TensorSpec


class Matrices(NamedTuple):
    """Left (m, k) and right (k, n) operands of one of an operation's products, and which part of its output they make.

    ``place`` indexes the output; what it selects, reshaped to (m, n), is the product. ``columns`` are those of its
    output channels, which a bias adds to.
    """

    left: Any
    right: Any
    place: Any = ...
    columns: slice = slice(None)


GROUPED_AXES = {"conv2d": (3, 0, 3), "conv2d_backward_data": (3, 0, 3), "conv2d_backward_weights": (3, 3, 0)}
"""Axes along which the groups of a convolution lie: of both operands and of the output."""


def as_matrices(k: Kernels, op: Operation, inputs: tuple[Tensor, ...], output: TensorSpec) -> Iterator[Matrices]:
    """The operation's products: one for each group, and in a strided data gradient for each residue of the position
    that a tap reaches."""
    first, second = (k.xp.asarray(tensor.data) for tensor in inputs[:2])
    if "groups" in op.attributes:
        yield from _grouped(k, op, first, second, output.shape)
    else:
        yield from _products(k, op, first, second, output.shape)


def _grouped(k: Kernels, op: Operation, first: Any, second: Any, shape: tuple[int, ...]) -> Iterator[Matrices]:
    """The products of one group after another, on its part of both operands."""
    groups, axes = op.attributes["groups"], GROUPED_AXES[op.opcode]
    for group in range(groups):
        a, b, made = (
            slice(group * size // groups, (group + 1) * size // groups)
            for size in (first.shape[axes[0]], second.shape[axes[1]], shape[axes[2]])
        )
        parts = first[_along(axes[0], a)], second[_along(axes[1], b)]
        for left, right, place, _ in _products(k, op, *parts, shape):
            whole = place if isinstance(place, tuple) else (slice(None),) * axes[2]
            yield Matrices(left, right, (*whole, made), made)


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (*[slice(None)] * axis, part)


def _products(k: Kernels, op: Operation, first: Any, second: Any, shape: tuple[int, ...]) -> Iterator[Matrices]:
    if op.opcode == "conv2d_backward_data":
        yield from _gathered(k, op, first, second, shape)
    elif op.opcode == "conv2d":
        yield Matrices(_unfolded(k, op, first), second.reshape(second.shape[0], -1).T)
    elif op.opcode == "conv2d_backward_weights":
        yield Matrices(second.reshape(-1, second.shape[3]).T, _unfolded(k, op, first))
    elif op.opcode == "matmul":
        yield Matrices(first, second.T)
    elif op.opcode == "matmul_backward_data":
        yield Matrices(first, second)
    elif op.opcode == "batched_matmul":
        yield from (Matrices(first[place], second[place], place) for place in k.xp.ndindex(first.shape[:-2]))
    else:
        yield Matrices(second.T, first)


def _unfolded(k: Kernels, op: Operation, x: Any) -> Any:
    return k.unfold(k.pad(x, op.attributes["padding"]), op.attributes["kernel"], op.attributes["stride"], str(x.dtype))


def _gathered(k: Kernels, op: Operation, g: Any, w: Any, shape: tuple[int, ...]) -> Iterator[Matrices]:
    """Each residue's own taps alone: a stride leaves no zeros among the terms."""
    kernel, stride, padding = (op.attributes[name] for name in ("kernel", "stride", "padding"))
    spaced = _spaced(k, g, kernel, stride, padding, shape)
    windows = k.xp.lib.stride_tricks.sliding_window_view(spaced, kernel, axis=(1, 2))
    flipped = w[:, ::-1, ::-1]
    for down, right in product(*(range(min(s, size)) for s, size in zip(stride, shape[1:3], strict=True))):
        rows, columns = (
            slice((kernel[i] - 1 - padding[i] - residue) % stride[i], None, stride[i])
            for i, residue in enumerate((down, right))
        )
        taps = flipped[:, rows, columns]
        if taps.size:
            place = slice(None), slice(down, None, stride[0]), slice(right, None, stride[1])
            left = windows[(*place, slice(None), rows, columns)].transpose(0, 1, 2, 4, 5, 3)
            matrix = taps.transpose(1, 2, 0, 3).reshape(-1, w.shape[3])
            yield Matrices(left.reshape(-1, matrix.shape[0]), matrix, place)


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
