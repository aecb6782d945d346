"""What every optimizer is: fields that a workload file sets, and the update of one parameter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, GetJsonSchemaHandler, PlainSerializer, PlainValidator
from pydantic_core import CoreSchema

from accelsim.errors import nearest
from accelsim.layers.clipping import clipping
from accelsim.layers.exchange import whole_gradients
from accelsim.layers.loss_scaling import unscaling
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.program import Phase
from accelsim.yamlfile import Fault, FileModel, refuse

OPTIMIZERS: dict[str, type[Optimizer]] = {}
DEFAULT = "sgd"
"""Kind of an optimizer whose file names none."""
O = TypeVar("O", bound="type[Optimizer]")  # noqa: E741 - as L for layers
UsedAs = Literal["weight", "bias", "norm_parameter"]


def _biases_and_norms() -> list[UsedAs]:
    return ["bias", "norm_parameter"]


class Optimizer(FileModel, ABC):
    """How parameters are updated, in the update unit."""

    kind: ClassVar[str]
    learning_rate: Annotated[float, Field(gt=0, le=1000)]
    """Rate at the start; the schedule multiplies it."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """How strongly parameters are pulled to zero."""
    no_decay: list[UsedAs] = Field(default_factory=_biases_and_norms)
    """Parameters that don't decay, by what they are: weight, bias, norm_parameter (positions and class tokens too)."""
    clip_norm: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Largest norm of all gradients together; longer ones are scaled down to it (Pascanu et al. 2013)."""

    def step(self, m: Machine) -> None:
        """Update every parameter whose gradient the layers collected."""
        gradients, clip = whole_gradients(m), None
        if self.clip_norm is not None:
            gradients, clip = clipping(m, gradients, self.clip_norm)
        elif m.recipe.skips_overflows:
            gradients, clip = unscaling(m, gradients)
        for layer, parameter, gradient in gradients:
            decay = 0.0 if parameter.used_as.value in self.no_decay else self.weight_decay
            with m.scope(layer, Phase.UPDATE):
                self.update(m, parameter, gradient, decay, clip)

    @abstractmethod
    def update(
        self, m: Machine, parameter: Parameter, gradient: Tensor, weight_decay: float, clip: Tensor | None
    ) -> None:
        """Issue the update of one parameter; ``clip`` is a factor on its gradient, of clipping or loss scaling.

        Raises:
            UserError: the machine's numerics can't do it.
        """


def register_optimizer(kind: str) -> Callable[[O], O]:
    """Make an optimizer known under the name that workload files use."""

    def enter(cls: O) -> O:
        cls.kind = kind
        OPTIMIZERS[kind] = cls
        return cls

    return enter


def parse_optimizer(found: Any) -> Any:
    """An optimizer from its fields and ``kind``."""
    if isinstance(found, Optimizer):
        return found
    fields = dict(found) if isinstance(found, dict) else found
    kind = fields.pop("kind", DEFAULT) if isinstance(fields, dict) else DEFAULT
    if not isinstance(kind, str) or kind not in OPTIMIZERS:
        text = f"found {kind!r}; allowed: {', '.join(sorted(OPTIMIZERS))}{nearest(str(kind), OPTIMIZERS)}"
        refuse("optimizer", [Fault(("kind",), text)])
    return OPTIMIZERS[kind].model_validate(fields)


class _AnyOptimizer:
    """JSON Schema: the fields of every kind."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [_described(kind, cls) for kind, cls in OPTIMIZERS.items()]}


def _described(kind: str, cls: type[Optimizer]) -> dict[str, Any]:
    schema = cls.model_json_schema()
    named = {"kind": {"const": kind, "description": "Optimizer."}}
    required = schema.get("required", []) + ([] if kind == DEFAULT else ["kind"])
    return {**schema, "properties": {**named, **schema["properties"]}, "required": required}


def _dump(optimizer: Optimizer) -> dict[str, Any]:
    return {"kind": optimizer.kind, **optimizer.model_dump(mode="json", exclude_none=True)}


OptimizerField = Annotated[Optimizer, PlainValidator(parse_optimizer), PlainSerializer(_dump), _AnyOptimizer]
