"""Two-dimensional convolution."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, model_validator

from accelsim.formats import Role
from accelsim.formats.blocks import Along
from accelsim.layers.affine import AffineLayer
from accelsim.layers.geometry import PaddingPair, Pair
from accelsim.layers.layer import expect_rank, register
from accelsim.machine import Machine, Parameter, Tensor, Window
from accelsim.yamlfile import Fault, refuse

POINT = Window((1, 1))
"""The window of a dense layer over pixels."""


@register("conv2d")
class Conv2d(AffineLayer):
    """Convolution of (batch, height, width, channels); weights (filters, rows, columns, channels / groups)."""

    filters: Annotated[int, Field(ge=1, le=65536)]
    """Output channels."""
    kernel: Pair
    """Kernel size: one number or [rows, columns]."""
    stride: Pair = (1, 1)
    """Step of the window."""
    padding: PaddingPair = (0, 0)
    """Zeros added on each side."""
    groups: Annotated[int, Field(ge=1, le=65536)] = 1
    """Equal parts of the filters, each of which sees its own part of the channels; as many as channels: depthwise."""

    @model_validator(mode="after")
    def _groups_divide_filters(self) -> Conv2d:
        if self.filters % self.groups:
            refuse("conv2d", [Fault(("groups",), f"found {self.groups}, which doesn't divide {self.filters} filters")])
        return self

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.padding)

    def weight(self, x: Tensor) -> Parameter:
        expect_rank(x, 4, "batch, height, width and channels")
        if x.shape[3] % self.groups:
            raise ValueError(f"has {self.groups} groups, which don't divide the {x.shape[3]} channels of its input")
        # N(0, sqrt(2 / (kernel area x filters))): the initialisation of the paper's published code.
        std = math.sqrt(2 / (self.window.taps * self.filters))
        shape = (self.filters, *self.kernel, x.shape[3] // self.groups)
        return Parameter(f"{self.name}.weight", shape, Role.WEIGHT, std=std)

    def rows(self, x: Tensor) -> Along:
        """Images alone: every tap meets a pixel of x beside another one of g, so that blocks of several pixels would
        begin at other places for each tap. One tap without a stride meets the same ones, as in a dense layer."""
        return Along((0, 1, 2) if self.window == POINT else (0,))

    def product(self, m: Machine, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
        return m.conv2d(x, w, self.window, bias)

    def product_backward_data(self, m: Machine, g: Tensor, w: Tensor, x: Tensor) -> Tensor:
        return m.conv2d_backward_data(g, w, self.window, x.shape)

    def product_backward_weights(self, m: Machine, x: Tensor, g: Tensor) -> Tensor:
        return m.conv2d_backward_weights(x, g, self.window, self.groups)
