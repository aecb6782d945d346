"""Instructions of the quantise unit: every tensor takes on the format of its next role here."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from accelsim.formats import FP32, Recipe, Role, TensorRule
from accelsim.formats.blocks import Along
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.lane_steps import conversion
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import WIDE
from accelsim.program import LAST_AXIS, Unit, Work

_SUFFIX = {
    Role.ACTIVATION: "input",
    Role.WEIGHT: "weight_codes",
    Role.WEIGHT_BACKWARD: "weight_codes_data_gradient",
    Role.ACTIVATION_BACKWARD: "input_weight_gradient",
    Role.NORM_PARAMETER: "codes",
    Role.GRADIENT_DATA: "gradient_data_path",
    Role.GRADIENT_WEIGHT: "gradient_weight_path",
    Role.GRADIENT_NORM: "gradient_norm",
    Role.WEIGHT_GRADIENT: "gradient",
    Role.LOSS: "float",
}
_LAYER_GRADIENTS = (Role.GRADIENT_DATA, Role.GRADIENT_WEIGHT, Role.GRADIENT_NORM)
_Key = tuple[TensorRule, Along] | tuple[str, Role, Along]
"""Of a layer gradient its rule, of a parameter layer and role; and where its blocks lie."""


class OutputStageInstructions(Issuer):
    """Where a scale comes from is the role's rule: the tensor itself (two passes) or earlier steps (one pass)."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        # Copies last as long as somebody holds what they were made from: a backward its incoming gradient, a step its
        # parameters.
        self._copies: WeakKeyDictionary[Tensor, dict[_Key, Tensor]] = WeakKeyDictionary()

    def quantise(self, x: Tensor, role: Role, name: str | None = None, axis: int | Along = -1) -> Tensor:
        """``x`` in the format and rounding that the recipe gives ``role`` in the current layer; ``x`` itself where
        nothing changes.

        Wide integers are requantised (fixed-point multiplier and rounding shift), floats divided by the
        new scale and rounded, and integers bound for a float format multiplied out. Shared-exponent formats form
        their blocks along ``axis``, the one that the product reduces, or along what it reduces of several.

        A layer gradient is quantised once by each rule: roles of the very same rule read one tensor, which has the
        name and role of the first, but for blocks along different axes. All parts of a batch, and all machines of a
        cluster, read the same codes of parameters.
        """
        rule = self.rule(role)
        if x.format == rule.format and (x.format.family == "float" or (x.role == role and self._formed(x, rule))):
            return x
        along = _along(x, rule, axis)
        key = self._key(x, role, rule, along)
        if key is None:
            return self._quantised(x, role, name, along)
        copies = self._copies.setdefault(x, {})
        if key not in copies:
            copies[key] = self._quantised(x, role, name, along)
        return copies[key]

    def _formed(self, x: Tensor, rule: TensorRule) -> bool:
        """Whether codes of the format and role of ``rule`` have the zero point and the form of scale that it asks for.

        Only layers with rules of their own can have made others. How codes were rounded they don't tell, and a scale
        is as good from wherever it came: they aren't rounded a second time for that.
        """
        if not self.recipe.by_layer or not x.format.is_integer:
            return True
        asked, index = rule.as_attributes, x.spec.index
        for operation in reversed(self.program.operations):
            if index not in operation.outputs:
                continue
            if "scale_form" in operation.attributes:
                return all(operation.attributes[name] == asked[name] for name in ("affine", "scale_form"))
            # A ReLU and its like hand on the codes of their first operand.
            index = operation.inputs[0]
        return True

    def _key(self, x: Tensor, role: Role, rule: TensorRule, along: Along) -> _Key | None:
        """What another conversion of ``x`` must have in common to read the same copy; None where each is made anew."""
        if role in _LAYER_GRADIENTS:
            return rule, along
        shared = x.spec.persistent and (self._parts.number or self._replicas.number)
        return (self.layer, role, along) if shared else None

    def _quantised(self, x: Tensor, role: Role, name: str | None, along: Along) -> Tensor:
        rule = self.rule(role)
        opcode = _opcode(x.format.is_integer, rule.format.is_integer)
        output = Output(name or _SUFFIX[role], x.shape, rule.format, role, along=along)
        # Wider accumulators are shifted into a word, and narrower codes are multiplied by a mantissa of a word, too.
        scaled = self._is_scaled(x)
        arithmetic = FP32 if opcode == "dequantise" or scaled else WIDE if x.format.is_integer else x.format
        work = Work(x.elements, *conversion(x.format, rule, scaled=scaled), arithmetic)
        return self.issue(opcode, Unit.QUANTISE, [x], [output], work=work, **rule.as_attributes)[0]

    def quantise_again(self, made: Tensor, source: Tensor, role: Role, axis: int | Along) -> Tensor:
        """``made`` where ``role`` has the very rule that made it, else ``source`` quantised anew for ``role``.

        Blocks lie along another axis in another product, so they are made anew; square ones are not.
        """
        same = self.recipe.of(self.layer).get(made.role) == self.rule(role) and not made.format.axis_matters
        return made if same else self.quantise(source, role, axis=axis)

    def quantise_bias(self, bias: Tensor, x: Tensor, w: Tensor) -> Tensor:
        """A bias on the scale of the accumulators of ``x`` times ``w``, so that it is added without a shift; floats
        that accumulate floats are exact in theirs."""
        rule = self.rule(Role.BIAS)
        if bias.format == rule.format and not bias.format.is_integer:
            return bias
        output = Output("bias_codes", bias.shape, rule.format, Role.BIAS)
        moved = not rule.format.is_integer and not bias.format.is_integer
        steps = (0, 0) if moved else (1, 2)
        work = Work(bias.elements, *steps, WIDE if bias.format.is_integer else bias.format)
        return self.issue("quantise_bias", Unit.QUANTISE, [bias, x, w], [output], work=work)[0]


def _along(x: Tensor, rule: TensorRule, axis: int | Along) -> Along:
    """Where blocks of ``x`` lie, spelt in one way; formats without blocks have the same whatever is asked for."""
    if not rule.format.axis_matters:
        return LAST_AXIS
    asked, rank = Along((axis,)) if isinstance(axis, int) else axis, len(x.shape)
    return asked._replace(axes=tuple([each % rank - rank for each in asked.axes]))


def _opcode(from_integer: bool, to_integer: bool) -> str:
    if from_integer:
        return "requantise" if to_integer else "dequantise"
    return "quantise" if to_integer else "convert"
