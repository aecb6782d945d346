"""hwconfig: the number format and rounding of every tensor role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from accelsim.formats import Granularity, IntegerFormat, LayerRules, Role, Rounding, TensorRule
from accelsim.formats.nvfp4 import NVFP4, NVFP4_2D
from accelsim.formats.recipe import completed
from accelsim.hardware.layer_numerics import LayerEntries, LayerNumerics
from accelsim.hardware.loss_scale import LossScaleEntry
from accelsim.hardware.role_format import Entry, RoleFormat, entries, rule_of
from accelsim.yamlfile import Fault, FileModel, refuse


class Numerics(FileModel):
    """Formats, rounding and scales by role; scales are symmetric (zero is code 0) unless a role is affine."""

    weight: Entry
    """Weights as the products read them."""
    weight_data_gradient: Entry | None = None
    """Weights as the data-gradient product reads them; by default like weight, on one scale per tensor."""
    activation: Entry
    """Activations, between layers and as stashed for backward."""
    activation_weight_gradient: Entry | None = None
    """Activations as the weight-gradient product reads them; by default like activation."""
    layer_gradient_data_path: Entry
    """Copy of the incoming layer gradient for the data-gradient product (the serial path)."""
    layer_gradient_weight_path: Entry
    """Copy of the incoming layer gradient for the weight-gradient product (off that path)."""
    layer_gradient_norm: Entry
    """Incoming layer gradient of normalisation layers."""
    weight_gradient: Entry
    """Parameter gradients as the update reads them; integers need integer master weights."""
    bias: Entry
    """Biases, on the scale of the accumulators."""
    norm_parameter: Entry
    """Gain and offset of normalisation layers."""
    master_weight: Entry = RoleFormat(format="fp32")
    """The copy of the weights that the update works on. int8 to int32 is fixed point and needs an integer
    optimizer_state; its range is 4 times the largest initial magnitude."""
    optimizer_state: Entry = RoleFormat(format="fp32")
    """Momentum. int8 to int32 is fixed point; its range is 32 times the first gradient's largest magnitude."""
    norm_statistic: Entry = RoleFormat(format="fp32")
    """Running statistics for evaluation."""
    loss: Entry = RoleFormat(format="fp32")
    """Logits, softmax and loss."""
    range_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the old value in running ranges: those of activations, which evaluation uses, and those that 'scale:
    running' takes (published code: 0.1)."""

    weight_gradient_hadamard: Literal[4, 16, 64] | None = None
    """Samples, tokens of texts, or pixels of a 1 x 1 convolution, that a random Hadamard transform mixes before both
    operands of the weight-gradient product are quantised, along the axis of their blocks: outliers spread, and the
    exact product stays as it is. A batch, or a part of one, with fewer has no transform. Floating-point operands alone;
    left out, there is none."""
    loss_scale: LossScaleEntry | None = None
    """Loss scaling, for gradients that are floats or blocks of them: a power of two that the loss's gradient is
    multiplied by, and every parameter's gradient divided by. Left out, there is none."""
    layers: LayerEntries | None = None
    """What some layers have otherwise. Of entries that give the same role of the same layer, the last one holds."""

    @field_validator("layers", mode="before")
    @classmethod
    def _none_where_empty(cls, found: Any) -> Any:
        return None if found == [] else found

    @model_validator(mode="after")
    def _executable(self) -> Numerics:
        refuse("numerics", [*self._faults(), *self._scaled_loss()] or [*self._layer_faults()])
        return self

    def _faults(self) -> Iterator[Fault]:
        checks = self._families, self._mixture, self._granularities, self._roundings, self._update, self._rotation
        return chain.from_iterable(check() for check in checks)

    def _layer_faults(self) -> Iterator[Fault]:
        """What would be wrong with the machine's numerics if they were an entry's, and roles of another kind.

        Units read several roles together and have accumulators of one kind. As an entry keeps each role's kind, no two
        of them can be at odds.
        """
        rules = self.rules()
        for number, entry in enumerate(self.layers or ()):
            own = [Fault(field, text) for field, text in self.with_entry(entry)._faults() if field[0] in entry.given]
            for role, given in entry.given.items():
                found, usual = given.number_format, rules[Role(role)].format
                if found.is_integer != usual.is_integer:
                    kind = "an integer format" if usual.is_integer else "a floating-point format"
                    own.append(Fault((role,), f"found {found}, but numerics.{role} is {usual}; allowed: {kind}"))
            own += [
                Fault((role,), f"found {entry.given[role].number_format}, {UNSCALED}")
                for role in self._unscaled(entry.given)
            ]
            yield from ({fault.field: Fault(("layers", number, *fault.field), fault.text) for fault in own}.values())

    def with_entry(self, entry: LayerNumerics) -> Numerics:
        """These numerics as the layers of one entry have them, not validated."""
        return self.model_copy(update={**entry.given, "layers": None})

    def _families(self) -> Iterator[Fault]:
        for role in entries(self):
            found = _entry(self, role).number_format
            allowed, widest = _ALLOWED[role]
            integers, narrowest = "integer" in allowed.split(), _NARROWEST.get(role, 2)
            fits = found.name in allowed.split() or found.family in allowed.split()
            if isinstance(found, IntegerFormat):
                fits = integers and narrowest <= found.bits <= widest
                yield from self._zero_point(role, found)
            if not fits:
                yield Fault((role,), f"found {found}; allowed: {allowed_formats(role)}")
            if found == NVFP4_2D and role not in TILED:
                yield Fault((role,), f"found {found}, whose squares are for {' and '.join(TILED)}; allowed: {NVFP4}")

    def _zero_point(self, role: str, format_: IntegerFormat) -> Iterator[Fault]:
        affine = _entry(self, role).affine
        if affine and role not in AFFINE:
            yield Fault((role, "affine"), f"found true; tensors with a zero point: {', '.join(AFFINE)}")
        if not format_.signed and not affine:
            remedy = "add 'affine: true'" if role in AFFINE else f"take int{format_.bits}"
            yield Fault((role,), f"found {format_}, which has no negative codes and no zero point; {remedy}")

    def _roundings(self) -> Iterator[Fault]:
        if self.norm_statistic.rounding is not Rounding.NEAREST:
            found = str(self.norm_statistic.rounding)
            yield Fault(("norm_statistic", "rounding"), f"found {found!r}; running statistics are rounded to nearest")

    def _update(self) -> Iterator[Fault]:
        """The update is in integers as a whole or in floats as a whole, but integers may take a float gradient."""
        master, activation = self.master_weight.number_format, self.activation.number_format
        if master.is_integer and not activation.is_integer:
            text = f"found {master}, but numerics.activation is {activation}; allowed: fp32, bf16, fp16"
            yield Fault(("master_weight",), text)
        fitting = {True: "int8 to int32", False: "fp32, bf16, fp16"}[master.is_integer]
        for role in ("optimizer_state", "weight_gradient"):
            found = _entry(self, role).number_format
            if found.is_integer != master.is_integer and (role == "optimizer_state" or found.is_integer):
                yield Fault((role,), f"found {found}, but numerics.master_weight is {master}; allowed: {fitting}")
        for role in _NARROWEST:
            for name in ("scale", "scale_form", "history"):
                value, default = getattr(_entry(self, role), name), RoleFormat.model_fields[name].default
                if _entry(self, role).number_format.is_integer and value != default:
                    text = f"found '{value}', but {role} has one fixed point, chosen once; leave it out"
                    yield Fault((role, name), text)

    def _mixture(self) -> Iterator[Fault]:
        """What one unit reads together is all integer or all floating point."""
        activation = self.activation.number_format
        kind = "an integer format" if activation.is_integer else "a floating-point format"
        for role in ("weight", "layer_gradient_norm", "norm_parameter", "bias"):
            found = _entry(self, role).number_format
            if found.is_integer != activation.is_integer:
                yield Fault((role,), f"found {found}, but numerics.activation is {activation}; allowed: {kind}")

    def _granularities(self) -> Iterator[Fault]:
        """A scale can leave a product only along an axis that the product does not reduce."""
        allowed = {"weight": Granularity.PER_CHANNEL, "activation": Granularity.PER_SAMPLE_AVERAGE}
        for role in entries(self):
            found = _entry(self, role).granularity
            fitting = [Granularity.PER_TENSOR, *([allowed[role]] if role in allowed else [])]
            if found not in fitting:
                yield Fault((role, "granularity"), f"found {str(found)!r}; allowed: {', '.join(map(str, fitting))}")

    def _rotation(self) -> Iterator[Fault]:
        """The transform adds floats."""
        size, rules = self.weight_gradient_hadamard, self.rules()
        integers = [role for role in ROTATED if rules[role].format.is_integer]
        if size is not None and integers:
            text = f"found {size}, but numerics.{integers[0]} is {rules[integers[0]].format}; leave it out"
            yield Fault(("weight_gradient_hadamard",), text)

    def _scaled_loss(self) -> Iterator[Fault]:
        """Codes under a scale of their own are the same whatever the loss is multiplied by, and hold no infinity."""
        for role in self._unscaled(entries(self))[:1]:
            found = _entry(self, role).number_format
            text = f"found a scale, but numerics.{role} is {found}, whose scale follows the gradients; leave it out"
            yield Fault(("loss_scale",), text)

    def _unscaled(self, given: Mapping[str, RoleFormat]) -> list[str]:
        """Roles of ``given`` that the loss's scale can't reach, where there is one."""
        reached = [role for role in GRADIENTS if role in given] if self.loss_scale is not None else []
        return [role for role in reached if given[role].number_format.family not in ("float", "block")]

    def rules(self) -> dict[Role, TensorRule]:
        """The recipe's rule for each role that a hwconfig sets."""
        return completed({Role(name): rule_of(entry) for name, entry in entries(self).items()})

    @property
    def followed(self) -> frozenset[Role]:
        """Roles of ``rules`` that the file leaves to follow another."""
        return frozenset(role for role in self.rules() if role not in entries(self))

    def all_rules(self) -> Iterator[dict[Role, TensorRule]]:
        """``rules``, and those of the layers of each entry by itself."""
        yield self.rules()
        yield from (self.with_entry(entry).rules() for entry in self.layers or ())

    def layer_rules(self) -> tuple[LayerRules, ...]:
        """The entries as a recipe has them."""
        return tuple(entry.rules() for entry in self.layers or ())


AFFINE = ("weight", "weight_data_gradient", "activation", "activation_weight_gradient")
"""Roles whose integers may have a zero point: what is skewed. Gradients scatter around 0."""
TILED = ("weight", "weight_data_gradient")
"""Roles that may have square blocks: both products read the very same codes."""
ROTATED = (Role.ACTIVATION, Role.ACTIVATION_BACKWARD, Role.GRADIENT_DATA, Role.GRADIENT_WEIGHT)
"""Roles of what is, or may become, an operand of the weight gradient."""
GRADIENTS = ("layer_gradient_data_path", "layer_gradient_weight_path", "layer_gradient_norm", "weight_gradient")
"""Roles that loss scaling reaches."""
UNSCALED = "whose scale follows the gradients, but numerics.loss_scale scales them; allowed: float, block"
_OPERAND = "integer float block flexpoint"
_ALLOWED = {
    "weight": (f"{_OPERAND} ternary binary", 16),
    "weight_data_gradient": (f"{_OPERAND} ternary binary", 16),
    "activation": (_OPERAND, 16),
    "activation_weight_gradient": (_OPERAND, 16),
    "layer_gradient_data_path": (_OPERAND, 16),
    "layer_gradient_weight_path": (_OPERAND, 16),
    "layer_gradient_norm": ("integer fp32 bf16 fp16 flexpoint", 16),
    "norm_parameter": ("integer fp32 bf16 fp16 flexpoint", 16),
    "bias": ("integer fp32", 32),
    "weight_gradient": ("integer fp32 bf16 fp16", 32),
    "master_weight": ("integer fp32 bf16 fp16", 32),
    "optimizer_state": ("integer fp32 bf16 fp16", 32),
    "norm_statistic": ("fp32", 0),
    "loss": ("fp32", 0),
}
"""Formats or families that each role may have, and the widest integer. The loss is floating point."""
_NARROWEST = {"master_weight": 8, "optimizer_state": 8}
"""Narrowest integer of the roles that the update keeps in fixed point."""


def allowed_formats(role: str) -> str:
    """Formats and families of formats that a role may have, in words."""
    allowed, widest = _ALLOWED[role]
    integers = f"int{_NARROWEST.get(role, 2)} to int{widest}"
    return ", ".join(integers if word == "integer" else word for word in allowed.split())


def _entry(numerics: Numerics, role: str) -> RoleFormat:
    entry: RoleFormat = getattr(numerics, role)
    return entry
