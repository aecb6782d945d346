"""How a tensor of an ONNX graph lies here: channels last, and features in another order once an image is flattened."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Stream:
    """One tensor of the graph, and the axes of it that are the axes here, in order: batch first, channels last.

    Axes that are left out have one element. ``order`` belongs to rows of features: the ones here are ONNX's at these
    places.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    order: NDArray[np.int64] | None = None

    @property
    def rank(self) -> int:
        """Axes here: 4 for images, 3 for sequences, 2 for rows of features."""
        return len(self.axes)

    @property
    def channels_last(self) -> bool:
        """Whether ONNX has the channels last too."""
        return self.axes[-1] == len(self.shape) - 1

    @property
    def lies_alike(self) -> bool:
        """Whether every axis here is the one that ONNX has in its place."""
        return self.axes == tuple(range(len(self.shape)))

    def named(self, name: str, shape: tuple[int, ...] | None = None) -> Stream:
        """The next tensor, which lies in the same way."""
        return replace(self, name=name, shape=self.shape if shape is None else shape)

    def same_layout(self, other: Stream) -> bool:
        """Whether two tensors can be added element by element."""
        first, second = (np.arange(s.shape[s.axes[-1]]) if s.order is None else s.order for s in (self, other))
        return (self.shape, self.axes) == (other.shape, other.axes) and np.array_equal(first, second)

    def transposed(self, name: str, permutation: tuple[int, ...]) -> Stream:
        """After ONNX's Transpose, which changes nothing here."""
        shape = tuple(self.shape[axis] for axis in permutation)
        return Stream(name, shape, tuple(permutation.index(axis) for axis in self.axes), self.order)

    def flat_order(self) -> NDArray[np.int64] | None:
        """The order of features once this is flattened here, while ONNX flattens its own axes."""
        rest = np.arange(math.prod(self.shape[1:])).reshape(self.shape[1:])
        kept = [axis - 1 for axis in self.axes[1:]]
        left_out = [axis for axis in range(rest.ndim) if axis not in kept]
        order = rest.transpose(*left_out, *kept).reshape(-1)
        return None if np.array_equal(order, np.arange(order.size)) else order
