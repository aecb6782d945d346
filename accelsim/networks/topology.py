"""A topology: forward products of one image that don't depend on each other, as SCALE-Sim's files list them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from accelsim.formats import Recipe, Role
from accelsim.layers.geometry import AS_PAIR
from accelsim.machine import Machine, Parameter, Window
from accelsim.networks.layer_numerics import NamedLayer, fitted
from accelsim.networks.network import Traced
from accelsim.program import Phase
from accelsim.tracing import Tracer
from accelsim.yamlfile import Fault, FileModel, Name, refuse

LONGEST = 1 << 24
"""Largest height, width, number of channels or filters."""
Length = Annotated[int, Field(ge=1, le=LONGEST)]
LengthPair = Annotated[tuple[Length, Length], AS_PAIR]


class ProductLayer(FileModel):
    """A convolution without padding and without bias.

    A matrix product (m x k) by (k x n) is the one of an m x k image of 1 channel with n filters of 1 x k.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Name in tables."""
    input_shape: tuple[Length, Length, Length]
    """Height, width and channels of the image."""
    filters: Length
    """Output channels."""
    kernel: LengthPair
    """Kernel size: one number or [rows, columns]."""
    stride: LengthPair = (1, 1)
    """Step of the window."""

    @model_validator(mode="after")
    def _kernel_fits(self) -> ProductLayer:
        for kernel, size, axis in zip(self.kernel, self.input_shape, ("height", "width"), strict=False):
            if kernel > size:
                text = f"found {list(self.kernel)}, but the image has {axis} {size} and no padding"
                refuse("layer", [Fault(("kernel",), text)])
        return self

    def issue(self, m: Machine) -> None:
        """Issue the product on operands in the machine's activation and weight formats; its accumulators go to DRAM."""
        shape = (1, *self.input_shape)
        weight = Parameter(
            f"{self.name}.weight", (self.filters, *self.kernel, self.input_shape[2]), Role.WEIGHT, Role.WEIGHT
        )
        with m.scope(self.name, Phase.FORWARD):
            x = m.external(f"{self.name}.input", shape, m.rule(Role.ACTIVATION).format, Role.ACTIVATION)
            m.conv2d(x, m.parameter(weight), Window(self.kernel, self.stride))


class Topology(FileModel):
    """Layers that are timed one by one: there is nothing to train, and no layer waits for another."""

    name: Name
    """Short name, used for folders and tables."""
    description: str = ""
    """Where it comes from."""
    layers: Annotated[list[ProductLayer], Field(min_length=1)]
    """Products in the order of issue."""

    @property
    def batch_size(self) -> int:
        """Images of each product."""
        return 1

    def fitted(self, recipe: Recipe) -> Recipe:
        """``recipe`` with the rules that its entries give the layers.

        Raises:
            UnmatchedLayerError: an entry matches none of them.
        """
        named = [NamedLayer(layer.name, (layer.name,)) for layer in self.layers]
        return fitted(recipe, named, lambda: (named[0].name, named[-1].name))

    def trace(self, recipe: Recipe) -> Traced:
        """The Program of all products.

        Raises:
            UnmatchedLayerError: an entry of the recipe matches no layer.
        """
        tracer = Tracer(self.fitted(recipe))
        for layer in self.layers:
            layer.issue(tracer)
        return Traced(tracer.program, tracer.parameters)
