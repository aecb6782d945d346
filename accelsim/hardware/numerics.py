"""hwconfig: the number format and rounding of every tensor role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from accelsim.formats import Format, IntegerFormat, Role, Rounding, TensorRule, format_by_name
from accelsim.hardware.units import FormatName
from accelsim.yamlfile import Allowed, Fault, FileModel, refuse


class RoleFormat(FileModel):
    """Format of one role; a bare format name stands for ``{format: name}``."""

    format: FormatName
    """Number format: int8, int16, int32, fp32, ..."""
    rounding: Rounding = Rounding.NEAREST
    """nearest (gemmlowp's double rounding where integers are requantised) or stochastic."""
    random_bits: Annotated[int, Field(ge=1, le=16)] = 16
    """Random bits that stochastic rounding adds below the last kept bit."""

    @model_validator(mode="after")
    def _rounding_used(self) -> RoleFormat:
        if self.rounding is Rounding.STOCHASTIC and not self.number_format.is_integer:
            text = f"found 'stochastic', but {self.format} values are rounded to nearest; it belongs to integer formats"
            refuse("format", [Fault(("rounding",), text)])
        return self

    @property
    def number_format(self) -> Format:
        return format_by_name(self.format)


def _bare_name(found: Any) -> Any:
    return {"format": found} if isinstance(found, str) else found


class _NameOrFields:
    """Schema of an entry: the name of a format, or the fields."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "pattern": "^(u?int[0-9]+|fp32)$"}, handler(schema)]}


Entry = Annotated[
    RoleFormat,
    BeforeValidator(_bare_name),
    Allowed("a number format such as int8, or its fields format, rounding and random_bits"),
    _NameOrFields,
]


class Numerics(FileModel):
    """Scales are symmetric and per tensor, from the tensor's own largest magnitude."""

    weight: Entry
    """Weights as the products read them."""
    activation: Entry
    """Activations, between layers and as stashed for backward."""
    layer_gradient_data_path: Entry
    """Copy of the incoming layer gradient for the data-gradient product (the serial path)."""
    layer_gradient_weight_path: Entry
    """Copy of the incoming layer gradient for the weight-gradient product (off that path)."""
    layer_gradient_norm: Entry
    """Incoming layer gradient of normalisation layers."""
    weight_gradient: Entry
    """Parameter gradients as the update reads them."""
    bias: Entry
    """Biases, on the scale of the accumulators."""
    norm_parameter: Entry
    """Gain and offset of normalisation layers."""
    master_weight: Entry = RoleFormat(format="fp32")
    """The copy of the weights that the update works on."""
    optimizer_state: Entry = RoleFormat(format="fp32")
    """Momentum."""
    norm_statistic: Entry = RoleFormat(format="fp32")
    """Running statistics for evaluation."""
    loss: Entry = RoleFormat(format="fp32")
    """Logits, softmax and loss."""
    range_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the old value in the running activation ranges that evaluation uses (published code: 0.1)."""

    @model_validator(mode="after")
    def _executable(self) -> Numerics:
        refuse("numerics", [*self._floats(), *self._widths(), *self._mixture()])
        return self

    def _floats(self) -> Iterator[Fault]:
        for role in _FLOAT_ONLY:
            if _entry(self, role).number_format.is_integer:
                text = (
                    f"found {_entry(self, role).format}; allowed: fp32 (the update and the loss run in floating point)"
                )
                yield Fault((role,), text)

    def _widths(self) -> Iterator[Fault]:
        for role, limit in _WIDEST.items():
            found = _entry(self, role).number_format
            if isinstance(found, IntegerFormat) and (found.bits > limit or not found.signed):
                yield Fault((role,), f"found {found}; allowed: int2 to int{limit}, or fp32")

    def _mixture(self) -> Iterator[Fault]:
        """Roles that feed products are all integer or all floating point, as the weight is."""
        weight = self.weight.number_format
        allowed = "an integer format" if weight.is_integer else "fp32"
        for role in _WIDEST:
            if _entry(self, role).number_format.is_integer != weight.is_integer:
                found = _entry(self, role).format
                yield Fault((role,), f"found {found}, but numerics.weight is {weight}; allowed: {allowed}")

    def rules(self) -> dict[Role, TensorRule]:
        """The recipe's rule for each role that a hwconfig sets."""
        entries = {Role(name): _entry(self, name) for name in type(self).model_fields if name != "range_momentum"}
        return {role: TensorRule(e.number_format, e.rounding, e.random_bits) for role, e in entries.items()}


_FLOAT_ONLY = ("weight_gradient", "master_weight", "optimizer_state", "norm_statistic", "loss")
_WIDEST = {
    "weight": 8,
    "activation": 8,
    "layer_gradient_data_path": 16,
    "layer_gradient_weight_path": 16,
    "layer_gradient_norm": 16,
    "norm_parameter": 16,
    "bias": 32,
}


def _entry(numerics: Numerics, role: str) -> RoleFormat:
    entry: RoleFormat = getattr(numerics, role)
    return entry
