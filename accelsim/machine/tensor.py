"""The tensor handle that layers pass around, and the values an interpreter puts behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

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


class View(NamedTuple):
    """A way to see a tensor: in another shape, or with its axes in another order."""

    method: Literal["reshaped", "transposed"]
    numbers: tuple[int, ...]

    def of(self, tensor: Tensor) -> Tensor:
        """``tensor`` seen so."""
        return tensor.reshaped(self.numbers) if self.method == "reshaped" else tensor.transposed(self.numbers)


@dataclass(eq=False, slots=True, init=False, weakref_slot=True)
class Tensor:
    """A handle: a tensor of the Program, seen in some shape, with its value under the datapath. Nobody writes to it.

    ``views`` lead from the tensor as it was made to how it is seen here. The last four are those of ``spec`` and
    ``value``, at hand because units ask for them all the time.
    """

    spec: TensorSpec
    shape: tuple[int, ...]
    value: Value
    views: tuple[View, ...]
    format: Format = field(init=False)
    data: Any = field(init=False)
    scale: Any = field(init=False)
    zero_point: Any = field(init=False)

    def __init__(self, spec: TensorSpec, shape: tuple[int, ...], value: Value, views: tuple[View, ...] = ()) -> None:
        self.spec = spec
        self.shape = shape
        self.value = value
        self.views = views
        self.format = spec.format
        self.data, self.scale, self.zero_point = value

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def role(self) -> Role:
        return self.spec.role

    @property
    def elements(self) -> int:
        return self.spec.elements

    def reshaped(self, shape: tuple[int, ...]) -> Tensor:
        """The same tensor in another shape: costs nothing, moves nothing.

        Scales of channels are repeated where the last axis takes in whole rows of channels.

        Raises:
            ValueError: the element counts differ, or the last axis has a scale for each channel and is cut.
        """
        if math.prod(shape) != self.elements:
            raise ValueError(f"cannot view {self.name} of shape {self.shape} as {shape}")
        data = None if self.data is None else self.data.reshape(shape)
        seen = self._seen(View("reshaped", shape), shape, data)
        channels = self.shape[-1] if self.shape else 1
        if getattr(self.scale, "shape", ()) and shape[-1] != channels:
            if shape[-1] % channels:
                raise ValueError(f"{self.name} has a scale for each of {channels} channels, which {shape} would cut")
            seen = replace(seen, value=seen.value._replace(scale=np.tile(self.scale, shape[-1] // channels)))
        return seen

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
        return self._seen(View("transposed", axes), shape, data)

    def _seen(self, view: View, shape: tuple[int, ...], data: Any) -> Tensor:
        views = (*self.views, view)
        return replace(self, shape=shape, value=self.value._replace(data=data), views=views)
