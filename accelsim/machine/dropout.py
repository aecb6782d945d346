"""Instructions of the vector unit: dropout, forward and backward."""

from __future__ import annotations

from accelsim.formats import Format, Role, ScaleForm
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.lane_steps import is_power_of_two
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work


class DropoutInstructions(Issuer):
    """Integers keep their codes, and their scale is divided by the share that is kept; floats are multiplied out."""

    def dropout(self, x: Tensor, rate: float) -> Tensor:
        """Zero where a random number is below ``rate``, else x / (1 - rate).

        The result has x's format where that has any scale and no zero point, else it is wide.
        """
        rule = self.recipe.of(self.layer).get(x.role)
        any_scale = rule is not None and not rule.affine and rule.scale_form is not ScaleForm.POWER_OF_TWO
        kept = x.format.family == "integer" and any_scale
        output = Output("output", x.shape, *((x.format, x.role) if kept else (wide(x), Role.ACCUMULATOR)))
        work = self._dropout_work(x, rate, x.format if x.format.is_integer else wide(x))
        return self.issue("dropout", Unit.VECTOR, [x], [output], work=work, rate=rate)[0]

    def dropout_backward(self, g: Tensor, y: Tensor, rate: float) -> Tensor:
        """g under the mask of ``y``, the forward output, whose random bits are drawn again."""
        output = Output("input_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        work = self._dropout_work(g, rate, wide(g))
        return self.issue("dropout_backward", Unit.VECTOR, [g], [output], work=work, rate=rate, drawn_for=y.name)[0]

    def _dropout_work(self, x: Tensor, rate: float, format_: Format) -> Work:
        """A comparison of each element's random bits; the division is folded into the scale of integers."""
        multiplied = not x.format.is_integer and (self._is_scaled(x) or not is_power_of_two(1 - rate))
        return Work(x.elements, int(multiplied), 1, format_)
