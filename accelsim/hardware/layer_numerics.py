"""hwconfig: roles that some layers have in another format than the rest."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from accelsim.formats import LayerRules, Role
from accelsim.hardware.role_format import Entry, RoleFormat, entries, rule_of
from accelsim.yamlfile import Allowed, Fault, FileModel, refuse

FOR_ALL = {
    "master_weight": "the update unit computes in one format",
    "optimizer_state": "the update unit computes in one format",
    "norm_statistic": "running statistics are fp32",
    "loss": "the loss is no layer",
    "range_momentum": "running ranges are averaged alike",
    "weight_gradient_hadamard": "one size of transform serves all products",
}
"""Fields of numerics that no layer has for itself, and why."""


def _one_or_more(found: Any) -> Any:
    return [found] if isinstance(found, str) else found


Pattern = Annotated[str, Field(min_length=1, max_length=200)]
MATCHES = Allowed("first, last, a layer's name or a shell pattern such as conv2d*, or a list of these")
TEXT_OR_LIST = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
)


class LayerNumerics(FileModel):
    """Roles given anew, whole, in the layers that match; all else is as in the machine's own numerics."""

    match: Annotated[tuple[Pattern, ...], BeforeValidator(_one_or_more), MATCHES, TEXT_OR_LIST]
    """Names of layers, as shell patterns: *, ?, [...]. A layer with others inside (residual, repeat, ...) stands for
    all of them. The words first and last stand for the first and last layer with a matrix product."""
    weight: Entry | None = None
    """Weights as the layer's products read them."""
    weight_data_gradient: Entry | None = None
    """Weights as the data-gradient product reads them."""
    activation: Entry | None = None
    """Activations as the layer reads them. Layers that only hand them on, such as a ReLU or a pooling, read as the
    layer does that they lead to, unless an entry for them says otherwise."""
    activation_weight_gradient: Entry | None = None
    """Activations as the weight-gradient product reads them."""
    layer_gradient_data_path: Entry | None = None
    """Copy of the gradient that reaches the layer, for the data-gradient product."""
    layer_gradient_weight_path: Entry | None = None
    """Copy of the gradient that reaches the layer, for the weight-gradient product."""
    layer_gradient_norm: Entry | None = None
    """Gradient that reaches a normalisation layer."""
    weight_gradient: Entry | None = None
    """Parameter gradients as the update reads them."""
    bias: Entry | None = None
    """Biases, on the scale of the accumulators."""
    norm_parameter: Entry | None = None
    """Gain and offset of normalisation layers, and what else is learned but multiplied with nothing."""

    @model_validator(mode="before")
    @classmethod
    def _of_one_layer(cls, found: Any) -> Any:
        others = [name for name in found if name in FOR_ALL] if isinstance(found, dict) else []
        text = "{} has one choice for all layers: {}; leave it out here"
        refuse("layers", [Fault((name,), text.format(name, FOR_ALL[name])) for name in others])
        return found

    @model_validator(mode="after")
    def _gives_something(self) -> LayerNumerics:
        if not self.match:
            refuse("layers", [Fault(("match",), f"found an empty list; allowed: {MATCHES.text}")])
        if not self.given:
            roles = ", ".join(name for name in type(self).model_fields if name != "match")
            refuse("layers", [Fault((), f"gives no role anew; allowed: {roles}")])
        return self

    @property
    def given(self) -> dict[str, RoleFormat]:
        """The roles given anew."""
        return entries(self)

    def rules(self) -> LayerRules:
        """The entry as a recipe has it."""
        return LayerRules(self.match, {Role(name): rule_of(entry) for name, entry in self.given.items()})


LayerEntries = Annotated[
    tuple[LayerNumerics, ...],
    Allowed("a list of entries, each with match and the roles that it gives anew"),
]
