"""hwconfig: the number format, rounding and scale of one role."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from accelsim.formats import (
    Format,
    Granularity,
    IntegerFormat,
    Rounding,
    ScaleForm,
    ScalePolicy,
    TensorRule,
    format_by_name,
)
from accelsim.formats.recipe import SCALED_BELOW_BITS, RandomSource
from accelsim.hardware.units import FormatName
from accelsim.yamlfile import Allowed, Fault, FileModel, refuse


class RoleFormat(FileModel):
    """Format of one role; a bare format name stands for ``{format: name}``."""

    format: FormatName
    """Number format: int8, int16, int32, fp32, ..."""
    rounding: Rounding = Rounding.NEAREST
    """nearest (gemmlowp's two roundings where integers are requantised), nearest_even, nearest_away, truncate
    (toward minus infinity; of floats toward zero) or stochastic."""
    random_bits: Annotated[int, Field(ge=1, le=16)] = 16
    """Random bits that stochastic rounding adds below the last kept bit."""
    random_source: RandomSource = RandomSource.PHILOX
    """philox (counter-based: the same bits in any order of evaluation) or lfsr (a 32-bit shift register)."""
    scale: ScalePolicy = ScalePolicy.CURRENT
    """current: from the tensor itself, two passes; delayed: largest magnitude of the last steps, one pass;
    running: running average of it, one pass."""
    granularity: Granularity = Granularity.PER_TENSOR
    """What shares a scale: per_tensor; per_channel (weights alone); per_sample_average (activations alone: each
    sample's minimum and maximum, averaged over the batch, as the published code does)."""
    scale_form: ScaleForm = ScaleForm.FLOAT
    """float, fixed_point (31-bit mantissa and shift) or power_of_two (rounded up)."""
    affine: bool = False
    """Integers alone: a zero point beside the scale, so that the codes span the tensor's minimum to its maximum
    (widened to contain 0, which is a code of its own). Unsigned formats need one. Products subtract it as they read."""
    history: Annotated[int, Field(ge=1, le=4096)] = 16
    """Delayed scale only: steps that are looked back on."""
    headroom: Annotated[float, Field(ge=0.1, le=64)] = 1.0
    """The range is this many times the largest magnitude."""

    @model_validator(mode="after")
    def _scale_fields(self) -> RoleFormat:
        """Only integers, narrow floats and NVFP4, in fp32, have a scale that a policy finds."""
        format_ = self.number_format
        formed = isinstance(format_, IntegerFormat) or (format_.family == "float" and format_.bits < SCALED_BELOW_BITS)
        foreign = ["granularity", "affine"] if not isinstance(format_, IntegerFormat) else []
        foreign += ["scale_form"] if not formed else []
        foreign += ["scale", "headroom"] if not formed and not format_.tensor_scaled else []
        if format_.family in ("ternary", "binary"):
            foreign.append("rounding")
        changed = [name for name in foreign if getattr(self, name) != type(self).model_fields[name].default]
        text = "found '{found}', but {format} values have no such choice; leave it out"
        refuse("format", [Fault((n,), text.format(found=getattr(self, n), format=self.format)) for n in changed])
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
        return {"anyOf": [{"type": "string", "pattern": "^[a-z0-9_+]+$"}, handler(schema)]}


Entry = Annotated[
    RoleFormat,
    BeforeValidator(_bare_name),
    Allowed("a number format such as int8, or its fields format, rounding and random_bits"),
    _NameOrFields,
]


def entries(numerics: FileModel) -> dict[str, RoleFormat]:
    """Roles that a model sets, by name."""
    return {name: value for name, value in numerics if isinstance(value, RoleFormat)}


def rule_of(entry: RoleFormat) -> TensorRule:
    """The recipe's rule."""
    return TensorRule(
        format=entry.number_format,
        rounding=entry.rounding,
        random_bits=entry.random_bits,
        random_source=entry.random_source,
        policy=entry.scale,
        granularity=entry.granularity,
        scale_form=entry.scale_form,
        affine=entry.affine,
        history=entry.history,
        headroom=entry.headroom,
    )
