"""Instructions of the normalisation unit: statistics, normalisation and its backward.

Integer inputs use fixed point inside: means carry fraction bits below the input's code, sums are
64-bit, results leave as 32-bit words. Range batch norm is Banner et al. 2018, section 3.

A norm about zero, as RMS norm (Zhang and Sennrich 2019), takes the same instructions without a mean: what belongs to
one is neither computed nor counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from accelsim.formats import Format, Role, integer
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.lane_steps import RECIPROCAL
from accelsim.machine.parameter import Parameter
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import WIDE, wide
from accelsim.program import Unit, Work

SUM = integer(64)

Group = Literal["channel", "row", "sample"]
"""Elements that share a mean and a spread: a channel (all axes but the last), a row (the last axis), or a sample (all
axes but the first). Statistics have one entry per group."""


def sums(x: Tensor) -> Format:
    """Format of sums over many elements: int64 for integers, the vector unit's own for floats."""
    return SUM if x.format.is_integer else wide(x)


def groups(shape: tuple[int, ...], group: Group) -> int:
    """How many groups a tensor of this shape has."""
    if group == "channel":
        return shape[-1]
    return math.prod(shape[:-1]) if group == "row" else shape[0]


class NormInstructions(Issuer):
    """All tensors are channels-last; statistics have shape (groups,), gain and offset (channels,).

    Norms about zero have None for the mean, the sum of signs and beta, and no sum for beta's gradient.
    """

    def reduce_mean(self, x: Tensor, group: Group = "channel") -> Tensor:
        """Mean of each group."""
        output = Output("mean", (groups(x.shape, group),), wide(x))
        work = Work(x.elements, 0, 1, wide(x))
        return self.issue("reduce_mean", Unit.NORM, [x], [output], work=work, group=group)[0]

    def reduce_range(
        self, x: Tensor, chunks: int, constant: float, group: Group = "channel", *, about_zero: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Spread = constant x mean over chunks of (max - min), and where in the group the extremes stand.

        A group is cut into ``chunks`` equal runs in batch-major order. Extremes have shape
        (2, chunks, groups): first position of each maximum, then of each minimum. ``about_zero`` the range is
        2 max |x|, from the same two comparisons: extremes are the positions of the maxima, or of the minima where those
        are farther from zero, then the signs of what stands there.
        """
        lanes = groups(x.shape, group)
        outputs = [Output("spread", (lanes,), wide(x)), Output("extremes", (2, chunks, lanes), WIDE)]
        work = Work(x.elements, 0, 2, wide(x))
        attributes = {"chunks": chunks, "constant": constant, "group": group}
        spread, extremes = self._about("reduce_range", about_zero, [x], outputs, work, **attributes)
        return spread, extremes

    def reduce_deviation(self, x: Tensor, group: Group = "channel", *, about_zero: bool = False) -> Tensor:
        """Standard deviation (of the population) of each group; ``about_zero`` the root mean square."""
        output = Output("spread", (groups(x.shape, group),), sums(x))
        work = Work(x.elements, 1, 1 if about_zero else 2, sums(x))
        return self._about("reduce_deviation", about_zero, [x], [output], work, group=group)[0]

    def reduce_l1(
        self, x: Tensor, mean: Tensor | None, constant: float, group: Group = "channel"
    ) -> tuple[Tensor, Tensor | None]:
        """Spread = constant x mean of |x - mean| in each group, and the sum of sign(x - mean), with sign(0) = 0."""
        lanes = groups(x.shape, group)
        outputs = [Output("spread", (lanes,), sums(x)), Output("sign_sum", (lanes,), WIDE)]
        zero = mean is None
        work = Work(x.elements, 0, 2 if zero else 4, wide(x))
        made = outputs[:1] if zero else outputs
        spread, *signs = self._about("reduce_l1", zero, [x, mean], made, work, constant=constant, group=group)
        return spread, signs[0] if signs else None

    def normalise(self, x: Tensor, mean: Tensor, spread: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """gamma * (x - mean) / spread + beta by channel, as a 32-bit word with 16 fraction bits."""
        work = Work(x.elements, 1, 2, wide(x))
        output = Output("normalised", x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue("normalise", Unit.NORM, [x, mean, spread, gamma, beta], [output], work=work)[0]

    def normalise_rows(
        self, x: Tensor, mean: Tensor | None, spread: Tensor, gamma: Tensor, beta: Tensor | None, group: Group
    ) -> Tensor:
        """(x - mean) / spread by group, then gamma and beta by channel: two words with 16 fraction bits, in turn."""
        work = Work(x.elements, 2, (mean is not None) + (beta is not None), wide(x))
        output = Output("normalised", x.shape, wide(x), Role.ACCUMULATOR)
        operands = [x, mean, spread, gamma, beta]
        return self._about("normalise_rows", mean is None, operands, [output], work, group=group)[0]

    def reduce_products(
        self, g: Tensor, x: Tensor, mean: Tensor | None, spread: Tensor, group: Group = "channel"
    ) -> tuple[Tensor, ...]:
        """Sums over each group of g and of g * (x - mean) / spread; by channel, the gradients of beta and gamma."""
        # Integers add up g x, and take the mean's share off the sum.
        adds = 1 if mean is None else 2 if g.format.is_integer else 3
        work, outputs = Work(x.elements, 1, adds, sums(g)), _gradient_sums(g, spread.shape, about_zero=mean is None)
        operands = [g, x, mean, spread]
        return self._about("reduce_products", mean is None, operands, outputs, work, group=group)

    def reduce_row_products(
        self, g: Tensor, x: Tensor, mean: Tensor | None, spread: Tensor, group: Group
    ) -> tuple[Tensor, ...]:
        """Gradients of beta and gamma by channel, where the statistics are by row or sample."""
        outputs = _gradient_sums(g, x.shape[-1:], about_zero=mean is None)
        work = Work(x.elements, 2, 1 if mean is None else 3, sums(g))
        operands = [g, x, mean, spread]
        return self._about("reduce_row_products", mean is None, operands, outputs, work, group=group)

    def weigh(self, g: Tensor, gamma: Tensor) -> Tensor:
        """g * gamma by channel, the exact product: the gradient of what gamma multiplied."""
        work = Work(g.elements, 1, 0, wide(g))
        output = Output("weighed_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        return self.issue("weigh", Unit.NORM, [g, gamma], [output], work=work)[0]

    def range_norm_backward(
        self,
        g: Tensor,
        spread: Tensor,
        extremes: Tensor,
        gamma: Tensor | None,
        products: tuple[Tensor, ...],
        constant: float,
        group: Group = "channel",
        *,
        about_zero: bool = False,
    ) -> Tensor:
        """Input gradient of range norm: the spread's gradient lands on the extremes alone, which their places address.

        Without ``gamma``, ``g`` is already the gradient of the normalised values (here and in the next two).
        """
        work = Work(g.elements, 1, 0 if about_zero else 1, wide(g))
        others = (spread, extremes, gamma, *products)
        return self._backward("range_norm_backward", about_zero, g, others, work, constant=constant, group=group)

    def batch_norm_backward(
        self,
        g: Tensor,
        x: Tensor,
        mean: Tensor | None,
        spread: Tensor,
        gamma: Tensor | None,
        products: tuple[Tensor, ...],
        group: Group = "channel",
    ) -> Tensor:
        """Input gradient of norm by the standard deviation."""
        work = Work(g.elements, 2, 1 if mean is None else 3, wide(g))
        others = (x, mean, spread, gamma, *products)
        return self._backward("batch_norm_backward", mean is None, g, others, work, group=group)

    def l1_norm_backward(
        self,
        g: Tensor,
        x: Tensor,
        mean: Tensor | None,
        spread: Tensor,
        signs: Tensor | None,
        gamma: Tensor | None,
        products: tuple[Tensor, ...],
        constant: float,
        group: Group = "channel",
    ) -> Tensor:
        """Input gradient of norm by the mean absolute deviation: the spread's gradient lands by sign(x - mean)."""
        work = Work(g.elements, 1, 2 if mean is None else 4, wide(g))
        others = (x, mean, spread, signs, gamma, *products)
        return self._backward("l1_norm_backward", mean is None, g, others, work, constant=constant, group=group)

    def track(self, running: Parameter, statistic: Tensor, momentum: float, *, inverse: bool = False) -> None:
        """running <- momentum * running + (1 - momentum) * statistic (or 1 / statistic), kept for evaluation.

        In a cluster the first machine's are kept, as evaluation needs one set of them.
        """
        if self._replicas.number > 1:
            return
        target = self.parameter(running)
        multiplies, adds = RECIPROCAL if inverse else (0, 0)
        work = Work(target.elements, 2 + multiplies, 1 + adds, target.format)
        self.issue(
            "track",
            Unit.NORM,
            [target, statistic],
            [],
            work=work,
            in_place=[target],
            momentum=momentum,
            inverse=inverse,
        )

    def recall_mean(self, running: Parameter, x: Tensor) -> Tensor:
        """A running mean brought to the fixed point of ``x``, in place of ``reduce_mean``; as it is for floats."""
        source = self.parameter(running)
        work = Work(source.elements, int(x.format.is_integer), 0, source.format)
        return self.issue("recall_mean", Unit.NORM, [source, x], [Output("mean", source.shape, wide(x))], work=work)[0]

    def recall_spread(self, running: Parameter, *, inverse: bool) -> Tensor:
        """The running spread; 1 / it where the running average is of the inverse."""
        source = self.parameter(running)
        if not inverse:
            return source
        work = Work(source.elements, *RECIPROCAL, source.format)
        output = Output("spread", source.shape, source.format)
        return self.issue("recall_spread", Unit.NORM, [source], [output], work=work)[0]

    def _backward(
        self, opcode: str, about_zero: bool, g: Tensor, others: Sequence[Tensor | None], work: Work, **attributes: Any
    ) -> Tensor:
        output = Output("input_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        return self._about(opcode, about_zero, [g, *others], [output], work, **attributes)[0]

    def _about(
        self,
        opcode: str,
        about_zero: bool,
        operands: Sequence[Tensor | None],
        outputs: Sequence[Output],
        work: Work,
        **attributes: Any,
    ) -> tuple[Tensor, ...]:
        """Issue it with the operands that there are; an attribute tells what is about zero."""
        present = [operand for operand in operands if operand is not None]
        if about_zero:
            attributes["about_zero"] = True
        return self.issue(opcode, Unit.NORM, present, outputs, work=work, **attributes)


def _gradient_sums(g: Tensor, shape: tuple[int, ...], *, about_zero: bool) -> list[Output]:
    """Those of beta, which is of norms with a mean, and of gamma."""
    names = ["gamma_sum"] if about_zero else ["beta_sum", "gamma_sum"]
    return [Output(name, shape, sums(g), Role.ACCUMULATOR) for name in names]
