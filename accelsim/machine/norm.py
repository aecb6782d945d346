"""Instructions of the normalisation unit: per-channel statistics, normalisation and its backward.

Integer inputs use fixed point inside: means carry ``fraction_bits`` below the input's code, sums are
64-bit, results leave as 32-bit words. Range batch norm is Banner et al. 2018, section 3.
"""

from __future__ import annotations

from accelsim.formats import Format, Role, integer
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.parameter import Parameter
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import WIDE, wide
from accelsim.program import Unit, Work

SUM = integer(64)


def sums(x: Tensor) -> Format:
    """Format of sums over many elements: int64 for integers, the tensor's own for floats."""
    return SUM if x.format.is_integer else x.format


class NormInstructions(Issuer):
    """All tensors are channels-last; statistics have shape (channels,)."""

    def reduce_mean(self, x: Tensor) -> Tensor:
        """Mean over all axes but the last."""
        work = Work(x.elements, 0, 1, wide(x))
        return self.issue("reduce_mean", Unit.NORM, [x], [Output("mean", x.shape[-1:], wide(x))], work=work)[0]

    def reduce_range(self, x: Tensor, chunks: int, constant: float) -> tuple[Tensor, Tensor]:
        """Spread = constant x mean over chunks of (max - min), and the rows where the extremes stand.

        Rows are cut into ``chunks`` equal runs in batch-major order. Extremes have shape
        (2, chunks, channels): first row of each maximum, then of each minimum. A zero range counts as one code.
        """
        channels = x.shape[-1]
        outputs = [Output("spread", (channels,), wide(x)), Output("extremes", (2, chunks, channels), WIDE)]
        work = Work(x.elements, 0, 2, wide(x))
        spread, extremes = self.issue(
            "reduce_range", Unit.NORM, [x], outputs, work=work, chunks=chunks, constant=constant
        )
        return spread, extremes

    def reduce_deviation(self, x: Tensor) -> Tensor:
        """Standard deviation (of the population) over all axes but the last; zero counts as one unit."""
        work = Work(x.elements, 1, 2, sums(x))
        return self.issue("reduce_deviation", Unit.NORM, [x], [Output("spread", x.shape[-1:], sums(x))], work=work)[0]

    def normalise(self, x: Tensor, mean: Tensor, spread: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """gamma * (x - mean) / spread + beta, as a 32-bit word with 16 fraction bits."""
        work = Work(x.elements, 1, 2, wide(x))
        output = Output("normalised", x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue("normalise", Unit.NORM, [x, mean, spread, gamma, beta], [output], work=work)[0]

    def reduce_products(self, g: Tensor, x: Tensor, mean: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of beta and gamma: sum of g, and sum of g * (x - mean) / spread."""
        channels = x.shape[-1:]
        outputs = [
            Output("beta_sum", channels, sums(g), Role.ACCUMULATOR),
            Output("gamma_sum", channels, sums(g), Role.ACCUMULATOR),
        ]
        work = Work(x.elements, 1, 3, sums(g))
        beta, gamma = self.issue("reduce_products", Unit.NORM, [g, x, mean, spread], outputs, work=work)
        return beta, gamma

    def range_norm_backward(
        self,
        g: Tensor,
        spread: Tensor,
        extremes: Tensor,
        gamma: Tensor,
        products: tuple[Tensor, Tensor],
        constant: float,
    ) -> Tensor:
        """Input gradient of range batch norm: the spread's gradient lands on the extremes alone."""
        work = Work(g.elements, 1, 2, wide(g))
        output = Output("input_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        operands = [g, spread, extremes, gamma, *products]
        return self.issue("range_norm_backward", Unit.NORM, operands, [output], work=work, constant=constant)[0]

    def batch_norm_backward(
        self, g: Tensor, x: Tensor, mean: Tensor, spread: Tensor, gamma: Tensor, products: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Input gradient of ordinary batch norm."""
        work = Work(g.elements, 2, 3, wide(g))
        output = Output("input_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        operands = [g, x, mean, spread, gamma, *products]
        return self.issue("batch_norm_backward", Unit.NORM, operands, [output], work=work)[0]

    def track(self, running: Parameter, statistic: Tensor, momentum: float) -> None:
        """running <- momentum * running + (1 - momentum) * statistic, kept for evaluation."""
        target = self.parameter(running)
        work = Work(target.elements, 2, 1, target.format)
        self.issue("track", Unit.NORM, [target, statistic], [], work=work, in_place=[target], momentum=momentum)

    def recall_mean(self, running: Parameter, x: Tensor) -> Tensor:
        """A running mean brought to the fixed point of ``x``, in place of ``reduce_mean``."""
        source = self.parameter(running)
        work = Work(source.elements, 1, 1, source.format)
        return self.issue("recall_mean", Unit.NORM, [source, x], [Output("mean", source.shape, wide(x))], work=work)[0]
