"""Instructions of the vector unit: GELU by table on integers, by its formula on floats."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import SOFTMAX_ADDS, SOFTMAX_MULTIPLIES, wide
from accelsim.program import Unit, Work

DIRECT_BITS = 9
"""Codes of up to so many bits (8, and the bit more that a zero point adds) have a table entry each."""
# The exponential of the softmax, the cubic in front of it and the division behind it.
GELU_MULTIPLIES, GELU_ADDS = SOFTMAX_MULTIPLIES + 5, SOFTMAX_ADDS + 2
# The slope s + x s (1 - s) (a + b x x) instead of x s, with x x at hand from the cubic.
SLOPE_MULTIPLIES, SLOPE_ADDS = GELU_MULTIPLIES + 3, GELU_ADDS + 3


class GeluInstructions(Issuer):
    """Gaussian error linear unit in its tanh form (Hendrycks and Gimpel 2016)."""

    def gelu(self, x: Tensor) -> Tensor:
        """x times the share of a Gaussian below x: integers in x's own format and scale, floats in the unit's."""
        output = Output("output", x.shape, x.format, x.role)
        if not x.format.is_integer:
            output = Output("output", x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue("gelu", Unit.VECTOR, [x], [output], work=_work(x))[0]

    def gelu_backward(self, g: Tensor, x: Tensor) -> Tensor:
        """g times the slope at ``x``, the forward input."""
        work = _work(x) if x.format.is_integer else Work(x.elements, SLOPE_MULTIPLIES, SLOPE_ADDS, wide(x))
        work = Work(work.elements, work.multiplies + 1, work.adds, wide(g))
        output = Output("input_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        return self.issue("gelu_backward", Unit.VECTOR, [g, x], [output], work=work)[0]


def _work(x: Tensor) -> Work:
    """A look-up counts as an addition; wider codes interpolate between two entries."""
    if not x.format.is_integer:
        return Work(x.elements, GELU_MULTIPLIES, GELU_ADDS, wide(x))
    return Work(x.elements, 0, 1, x.format) if x.format.bits <= DIRECT_BITS else Work(x.elements, 1, 3, x.format)
