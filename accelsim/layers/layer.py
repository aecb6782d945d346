"""What every layer is: fields that a workload file sets, and one forward that returns its backward."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from accelsim.errors import nearest
from accelsim.formats import Role
from accelsim.machine import Machine, Tensor
from accelsim.yamlfile import FileModel

Backward = Callable[[Tensor], Tensor | None]
"""Takes the gradient of the layer's output, collects parameter gradients, returns the input's gradient."""

LAYERS: dict[str, type[Layer]] = {}
L = TypeVar("L", bound="type[Layer]")


class Layer(FileModel, ABC):
    """A layer of a network; channels-last tensors with the batch first.

    A layer quantises what it receives: its input to the activation format, its incoming gradient to the
    formats of the products that need it. What it hands on is whatever its unit makes (accumulators).
    """

    kind: ClassVar[str]
    hands_on: ClassVar[bool] = False
    """Whether it reads activations only to hand them on: there is nothing of its own that they meet."""
    name: str = ""
    """Name in tables and checkpoints; by default the kind and a running number."""

    @abstractmethod
    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        """Issue the forward work on ``m`` and return the output with the function that issues the backward.

        Fields, shapes, formats and the machine's recipe decide what is issued, as a machine may repeat it later.

        Raises:
            ValueError: the shape of ``x`` does not suit the layer.
        """

    def scopes(self) -> tuple[str, ...]:
        """Names that its operations go by; all have the numerics of the layer."""
        return (self.name,)

    def child_fields(self) -> list[str]:
        """The field that each of ``children`` comes from (only layers that have branches override it)."""
        return []

    def children(self) -> list[list[Layer]]:
        """Branches of layers inside this one, in the order of the fields that hold them."""
        return [list(getattr(self, field)) for field in self.child_fields()]

    def with_children(self, branches: list[list[Layer]]) -> Layer:
        """This layer with its branches replaced."""
        replaced = dict(zip(self.child_fields(), branches, strict=True))
        return self.model_copy(update=replaced) if replaced else self


def register(kind: str) -> Callable[[L], L]:
    """Make a layer class known under the name that workload files use."""

    def enter(cls: L) -> L:
        cls.kind = kind
        LAYERS[kind] = cls
        return cls

    return enter


def needs_no_gradient(x: Tensor) -> bool:
    """True for what comes straight from the input images: nothing before it can learn."""
    return x.role is Role.INPUT


def input_gradient(m: Machine, x: Tensor, one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Of what two branches read: the sum of what went through both; None where nothing before them can learn."""
    if needs_no_gradient(x) or one is None or other is None:
        return None
    return m.add(one, other, "input_gradient")


def expect_rank(x: Tensor, rank: int, what: str) -> None:
    """Refuse an input with the wrong number of axes.

    Raises:
        ValueError: naming the shape found and the axes wanted.
    """
    if len(x.shape) != rank:
        raise ValueError(f"needs an input of {what}, but its input has shape {x.shape}")


def parse_layer(found: Any) -> Layer:
    """A layer from ``kind`` or ``{kind: {field: value}}``."""
    if isinstance(found, Layer):
        return found
    if isinstance(found, str):
        kind, fields = found, dict[str, Any]()
    elif isinstance(found, dict) and len(found) == 1:
        kind, fields = next(iter(found.items()))
    else:
        raise PydanticCustomError("layer", "a layer is a kind, or one kind with its fields")
    if kind not in LAYERS:
        hint, allowed = nearest(str(kind), LAYERS), ", ".join(sorted(LAYERS))
        text = "no layer is called {kind}{hint}; allowed: {allowed}"
        raise PydanticCustomError("layer", text, {"kind": repr(kind), "hint": hint, "allowed": allowed})
    return LAYERS[kind].model_validate({} if fields is None else fields)


def _dump(layer: Layer) -> dict[str, Any]:
    return {layer.kind: layer.model_dump(mode="json", exclude_defaults=True)}


LayerField = Annotated[
    Layer,
    PlainValidator(parse_layer),
    PlainSerializer(_dump),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "minProperties": 1, "maxProperties": 1}]}),
]
Layers = Annotated[list[LayerField], Field(min_length=1)]
