"""Instructions of the update unit: reductions of bias gradients and the optimizer's step."""

from __future__ import annotations

from accelsim.formats import Role, ScaleForm
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.norm import sums
from accelsim.machine.parameter import Parameter
from accelsim.machine.tensor import Tensor
from accelsim.program import Unit, Work


class UpdateInstructions(Issuer):
    """Parameters are overwritten in place."""

    def collect(self, parameter: Parameter, gradient: Tensor) -> None:
        """Hand in the gradient of a parameter for the update phase, under the current layer's name."""
        self.gradients.append((self.layer, parameter, gradient))

    def reduce_sum(self, g: Tensor) -> Tensor:
        """Sum over all axes but the last: the gradient of a bias."""
        work = Work(g.elements, 0, 1, sums(g))
        output = Output("bias_sum", g.shape[-1:], sums(g), Role.ACCUMULATOR)
        return self.issue("reduce_sum", Unit.VECTOR, [g], [output], work=work)[0]

    def sgd(self, parameter: Parameter, gradient: Tensor, *, momentum: float, weight_decay: float) -> None:
        """g <- gradient + weight_decay * w; v <- momentum * v + g; w <- w - learning_rate * v.

        The learning rate is the interpreter's, since it changes from step to step. Without momentum no
        state is kept. Integers take a multiplication more where the gradient has a scale that is no power of two, one
        less where the learning rate is one, and an addition more for each value that is rounded.
        """
        w = self.parameter(parameter)
        operands, written = [w, gradient], [w]
        if momentum:
            state = Parameter(f"{parameter.name}.momentum", parameter.shape, parameter.used_as, Role.OPTIMIZER_STATE)
            v = self.parameter(state)
            operands, written = [w, gradient, v], [w, v]
        decay = weight_decay if parameter.decays else 0.0
        self.issue(
            "sgd",
            Unit.UPDATE,
            operands,
            [],
            work=self._sgd_work(gradient, written, products=1 + bool(momentum) + bool(decay)),
            in_place=written,
            momentum=momentum,
            weight_decay=decay,
            learning_rate=self.recipe.learning_rate,
        )

    def _sgd_work(self, gradient: Tensor, written: list[Tensor], products: int) -> Work:
        w = written[0]
        if not w.format.is_integer:
            return Work(w.elements, products, products, w.format)
        scaled = gradient.format.is_integer and self.recipe[gradient.role].scale_form is not ScaleForm.POWER_OF_TWO
        multiplies = products + scaled - (self.recipe.learning_rate == "power_of_two")
        widest = max((tensor.format for tensor in written), key=lambda format_: format_.bits)
        return Work(w.elements, multiplies, products + len(written), widest)
