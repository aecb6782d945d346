"""hwconfig: the number format and rounding of every tensor role."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from accelsim.formats import Format, IntegerFormat, Role, Rounding, TensorRule, format_by_name
from accelsim.hardware.units import FormatName
from accelsim.yamlfile import FileModel


class RoleFormat(FileModel):
    """Format of one role; a bare format name stands for ``{format: name}``."""

    format: FormatName
    """Number format: int8, int16, int32, fp32, ..."""
    rounding: Rounding = Rounding.NEAREST
    """nearest (gemmlowp's double rounding where integers are requantised) or stochastic."""
    random_bits: Annotated[int, Field(ge=1, le=16)] = 16
    """Random bits that stochastic rounding adds below the last kept bit."""

    @property
    def number_format(self) -> Format:
        return format_by_name(self.format)


def _bare_name(found: Any) -> Any:
    return {"format": found} if isinstance(found, str) else found


Entry = Annotated[RoleFormat, BeforeValidator(_bare_name)]


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
        for role in _FLOAT_ONLY:
            if _entry(self, role).number_format.is_integer:
                raise ValueError(f"{role} must be fp32: the update and the loss run in floating point")
        kinds = {role: _entry(self, role).number_format.is_integer for role in _PRODUCT_ROLES}
        if len(set(kinds.values())) > 1:
            mixed = ", ".join(f"{role} is {_entry(self, role).format}" for role in kinds)
            raise ValueError(f"the roles that feed products must be all integer or all floating point: {mixed}")
        for role, limit in _WIDEST.items():
            found = _entry(self, role).number_format
            if isinstance(found, IntegerFormat) and (found.bits > limit or not found.signed):
                raise ValueError(f"{role} may be int2 to int{limit} or fp32, not {found}")
        return self

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
_PRODUCT_ROLES = tuple(_WIDEST)


def _entry(numerics: Numerics, role: str) -> RoleFormat:
    entry: RoleFormat = getattr(numerics, role)
    return entry
