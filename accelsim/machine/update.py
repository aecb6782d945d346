"""Instructions of the update unit: reductions of bias gradients and the optimizer's step."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.errors import UserError
from accelsim.formats import FP32, Role, ScaleForm, integer
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.lane_steps import DIVISION, ROOT
from accelsim.machine.norm import sums
from accelsim.machine.parameter import Parameter
from accelsim.machine.tensor import Tensor
from accelsim.program import Unit, Work

FLAG = integer(8, signed=False)


class UpdateInstructions(Issuer):
    """Parameters are overwritten in place."""

    def reduce_sum(self, g: Tensor) -> Tensor:
        """Sum over all axes but the last: the gradient of a bias."""
        work = Work(g.elements, 0, 1, sums(g))
        output = Output("bias_sum", g.shape[-1:], sums(g), Role.ACCUMULATOR)
        return self.issue("reduce_sum", Unit.VECTOR, [g], [output], work=work)[0]

    def sum_of_squares(self, g: Tensor) -> Tensor:
        """Sum of the squares of a gradient, (1,): neighbours are added in pairs, then the pairs' sums, and so on.

        Each element is first multiplied by 1 / loss scale, where the machine has one.

        Raises:
            UserError: the gradient is an integer.
        """
        if g.format.is_integer:
            raise UserError(
                f"optimizer.clip_norm measures floating-point gradients, but numerics.weight_gradient is {g.format}; "
                "allowed: fp32, bf16, fp16 there and for numerics.master_weight, or no clip_norm"
            )
        output = Output("sum_of_squares", (1,), FP32)
        work = Work(g.elements, 1 + self._scales, 1, FP32)
        return self.issue("sum_of_squares", Unit.UPDATE, [g], [output], work=work)[0]

    def find_overflow(self, g: Tensor) -> Tensor:
        """1 where a gradient holds an infinity or NaN, else 0, (1,): its exponents are compared, an addition each."""
        output = Output("overflow", (1,), FLAG)
        return self.issue("find_overflow", Unit.UPDATE, [g], [output], work=Work(g.elements, 0, 1, g.format))[0]

    def unscale_factor(self, overflows: Sequence[Tensor]) -> Tensor:
        """What takes the loss's scale off gradients, 1 / scale, (1,); where any of ``overflows`` is set, updates that
        read it change nothing.

        The scale is the interpreter's, as it changes from step to step, and moves here for the next one.
        """
        output, work = Output("unscale_factor", (1,), FP32), Work(len(overflows), 0, 1, FLAG)
        return self.issue("unscale_factor", Unit.UPDATE, overflows, [output], work=work)[0]

    @property
    def _scales(self) -> bool:
        """Whether gradients are those of a scaled loss."""
        return self.recipe.loss_scale is not None

    def clip_factor(self, squares: Sequence[Tensor], clip_norm: float) -> Tensor:
        """What scales gradients to a norm of at most ``clip_norm``, (1,): clip_norm / norm, and 1 for a norm within.

        The norm is the root of the sum of ``squares``, added from first to last. Of a scaled loss the factor takes the
        scale off, too, and where that is dynamic and the norm not finite, updates that read it change nothing.
        """
        steps, multiplies = len(squares), ROOT.multiplies + DIVISION.multiplies + self._scales
        work = Work(steps, multiplies / steps, 1 + (ROOT.adds + DIVISION.adds) / steps, FP32)
        output = Output("clip_factor", (1,), FP32)
        return self.issue("clip_factor", Unit.UPDATE, squares, [output], work=work, clip_norm=clip_norm)[0]

    def sgd(
        self,
        parameter: Parameter,
        gradient: Tensor,
        *,
        momentum: float,
        weight_decay: float,
        nesterov: bool = False,
        clip: Tensor | None = None,
    ) -> None:
        """g <- gradient + weight_decay * w; v <- momentum * v + g; w <- w - learning_rate * v.

        With ``nesterov`` w <- w - learning_rate * (momentum * v + g). The learning rate is the interpreter's, since it
        changes from step to step. Without momentum no state is kept. ``clip`` is a factor that the gradient is
        multiplied by first. Integers take a multiplication more where the gradient has a scale that is no power of
        two, one less where the learning rate is one, and an addition more for each value that is rounded. Without
        ``clip`` a gradient of a scaled loss is multiplied by 1 / scale.

        Raises:
            UserError: ``nesterov`` or ``clip`` is asked of integers.
        """
        w = self.parameter(parameter)
        if nesterov:
            _expect_floats(w, "optimizer.nesterov")
        operands, written = _clipped(w, gradient, clip), [w]
        if momentum:
            v = self._state(parameter, "momentum")
            operands, written = [*operands, v], [w, v]
        products = 1 + bool(momentum) + bool(weight_decay) + nesterov
        self.issue(
            "sgd",
            Unit.UPDATE,
            operands,
            [],
            work=self._sgd_work(gradient, written, products=products, multiplied=clip is not None or self._scales),
            in_place=written,
            momentum=momentum,
            weight_decay=weight_decay,
            nesterov=nesterov,
            learning_rate=self.recipe.learning_rate,
        )

    def adamw(
        self,
        parameter: Parameter,
        gradient: Tensor,
        *,
        beta1: float,
        beta2: float,
        epsilon: float,
        weight_decay: float,
        clip: Tensor | None = None,
    ) -> None:
        """m <- beta1 * m + (1 - beta1) * g; v <- beta2 * v + (1 - beta2) * (g * g);
        w <- (1 - r * weight_decay) * w - r / (1 - beta1^t) * (m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)).

        r is the learning rate and t the training step from 1 on, the interpreter's both; what they alone decide is
        worked out once a step. m and v are as their format holds them. Seven multiplications, one more with decay, four
        additions, and one root and one division of so many each as ``ROOT`` and ``DIVISION`` say. ``clip`` is a factor
        that the gradient is multiplied by first, one multiplication more; without it, 1 / scale of a scaled loss is.
        Steps that were skipped don't count.

        Raises:
            UserError: master weights or states are integers.
        """
        w = self.parameter(parameter)
        _expect_floats(w, "optimizer adamw")
        mean, square = self._state(parameter, "mean"), self._state(parameter, "square")
        multiplies = 7 + bool(weight_decay) + (clip is not None or self._scales) + ROOT.multiplies + DIVISION.multiplies
        self.issue(
            "adamw",
            Unit.UPDATE,
            [*_clipped(w, gradient, clip), mean, square],
            [],
            work=Work(w.elements, multiplies, 4 + ROOT.adds + DIVISION.adds, w.format),
            in_place=[w, mean, square],
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            weight_decay=weight_decay,
        )

    def _state(self, parameter: Parameter, name: str) -> Tensor:
        """What the optimizer keeps of one parameter; it starts at zero."""
        state = Parameter(f"{parameter.name}.{name}", parameter.shape, parameter.used_as, Role.OPTIMIZER_STATE)
        return self.parameter(state)

    def _sgd_work(self, gradient: Tensor, written: list[Tensor], *, products: int, multiplied: bool) -> Work:
        w = written[0]
        if not w.format.is_integer:
            return Work(w.elements, products + multiplied, products, w.format)
        scaled = gradient.format.is_integer and self.rule(gradient.role).scale_form is not ScaleForm.POWER_OF_TWO
        multiplies = products + scaled - (self.recipe.learning_rate == "power_of_two")
        widest = max((tensor.format for tensor in written), key=lambda format_: format_.bits)
        return Work(w.elements, multiplies, products + len(written), widest)


def _clipped(w: Tensor, gradient: Tensor, clip: Tensor | None) -> list[Tensor]:
    """First operands of an update: the factor of clipping, where there is one, follows the gradient."""
    if clip is None:
        return [w, gradient]
    _expect_floats(w, "optimizer.clip_norm")
    return [w, gradient, clip]


def _expect_floats(w: Tensor, what: str) -> None:
    if w.format.is_integer:
        raise UserError(
            f"{what} updates floating-point master weights, but numerics.master_weight is {w.format}; allowed: fp32, "
            "bf16, fp16 for numerics.master_weight and numerics.optimizer_state, or optimizer.kind sgd without "
            "nesterov and clip_norm"
        )
