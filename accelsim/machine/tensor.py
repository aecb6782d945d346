"""The tensor handle that layers pass around, and the values an interpreter puts behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from accelsim.formats import Format, Role
from accelsim.program import TensorSpec


class Value(NamedTuple):
    """What an interpreter computed: codes and what makes them real: (data - zero_point) x scale.

    ``scale`` is a float, or an array of shape (channels,) that broadcasts along the last axis. ``zero_point`` is None
    (zero is code 0), an int, or an array that broadcasts against data. The tracer's values are empty.
    """

    data: Any = None
    scale: Any = 1.0
    zero_point: Any = None


@dataclass(frozen=True, eq=False)
class Tensor:
    """A handle: a tensor of the Program, seen in some shape, with its value under the datapath."""

    spec: TensorSpec
    shape: tuple[int, ...]
    value: Value

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def format(self) -> Format:
        return self.spec.format

    @property
    def role(self) -> Role:
        return self.spec.role

    @property
    def elements(self) -> int:
        return self.spec.elements

    @property
    def data(self) -> Any:
        return self.value.data

    @property
    def scale(self) -> Any:
        return self.value.scale

    @property
    def zero_point(self) -> Any:
        return self.value.zero_point

    def reshaped(self, shape: tuple[int, ...]) -> Tensor:
        """The same tensor in another shape: costs nothing, moves nothing.

        Raises:
            ValueError: the element counts differ.
        """
        if math.prod(shape) != self.elements:
            raise ValueError(f"cannot view {self.name} of shape {self.shape} as {shape}")
        data = None if self.data is None else self.data.reshape(shape)
        return replace(self, shape=shape, value=self.value._replace(data=data))

    def transposed(self, axes: tuple[int, ...]) -> Tensor:
        """The same tensor with its axes in another order, as a strided read sees it: costs nothing, moves nothing.

        Raises:
            ValueError: ``axes`` is no order of the axes, or the last axis has a scale for each of its channels.
        """
        if sorted(axes) != list(range(len(self.shape))):
            raise ValueError(f"cannot order the axes of {self.name} of shape {self.shape} as {axes}")
        if getattr(self.scale, "shape", ()) or getattr(self.zero_point, "shape", ()):
            raise ValueError(f"{self.name} has a scale for each channel, so its last axis must stay the last")
        shape = tuple(self.shape[axis] for axis in axes)
        # Kernels want packed rows, so the emulation copies where the hardware only counts its addresses differently.
        data = None if self.data is None else self.data.transpose(axes).copy()
        return replace(self, shape=shape, value=self.value._replace(data=data))
