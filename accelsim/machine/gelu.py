"""Instructions of the vector unit: GELU by table on integers, by its formula on floats."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.lane_steps import DIVISION, EXPONENTIAL
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work

DIRECT_BITS = 9
"""Codes of up to so many bits (8, and the bit more that a zero point adds) have a table entry each."""
# s(u): the cubic x (a + b x x), with log2 e in a and b; the power of -|u|; its sum with 1, the sign of u; the division.
LOGISTIC_MULTIPLIES = 3 + EXPONENTIAL.multiplies + DIVISION.multiplies
LOGISTIC_ADDS = 1 + EXPONENTIAL.adds + 2 + DIVISION.adds


class GeluInstructions(Issuer):
    """Gaussian error linear unit in its tanh form (Hendrycks and Gimpel 2016)."""

    def gelu(self, x: Tensor) -> Tensor:
        """x times the share of a Gaussian below x: integers in x's own format and scale, floats in the unit's."""
        output = Output("output", x.shape, x.format, x.role)
        if not x.format.is_integer:
            output = Output("output", x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue("gelu", Unit.VECTOR, [x], [output], work=self._gelu_work(x))[0]

    def gelu_backward(self, g: Tensor, x: Tensor) -> Tensor:
        """g times the slope at ``x``, the forward input."""
        slope = self._gelu_work(x)
        if not x.format.is_integer:
            # s + x s (1 - s) (a + c x x), with x x at hand from the cubic.
            slope = Work(x.elements, LOGISTIC_MULTIPLIES + 4, LOGISTIC_ADDS + 3, wide(x))
        work = Work(g.elements, slope.multiplies + 1, slope.adds, wide(g))
        output = Output("input_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        return self.issue("gelu_backward", Unit.VECTOR, [g, x], [output], work=work)[0]

    def _gelu_work(self, x: Tensor) -> Work:
        """Floats: x s(u). Integers: a look-up, which counts as an addition; wider codes interpolate between two
        entries."""
        if not x.format.is_integer:
            return Work(x.elements, LOGISTIC_MULTIPLIES + 1 + self._is_scaled(x), LOGISTIC_ADDS, wide(x))
        return Work(x.elements, 0, 1, x.format) if x.format.bits <= DIRECT_BITS else Work(x.elements, 1, 3, x.format)
