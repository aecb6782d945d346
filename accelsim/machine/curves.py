"""Instructions of the vector unit: smooth activation functions, by table on integers, by their formulas on floats."""

from __future__ import annotations

from typing import NamedTuple

from accelsim.formats import Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.lane_steps import DIVISION, EXPONENTIAL, Steps
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work

DIRECT_BITS = 9
"""Codes of up to so many bits (8, and the bit more that a zero point adds) have a table entry each."""


class Curve(NamedTuple):
    """x s(u) with the logistic function s: what floats take to u log2 e, and from s and x s(u) to the slope.

    ``scaled`` is what the slope takes besides where x is under a scale that its constants can't hold.
    """

    argument: Steps
    slope: Steps
    scaled: int


CURVES = {
    # u is the cubic x (a + b x x), with log2 e in a and b; s + x s (1 - s) (a + c x x), with x x at hand from it.
    "gelu": Curve(Steps(3, 1), Steps(4, 3), 0),
    # u is x, times log2 e; s + x s (1 - s), where no constant is left to hold the scale of x.
    "silu": Curve(Steps(1, 0), Steps(2, 2), 1),
}


class CurveInstructions(Issuer):
    """Functions x s(u), which are never further from 0 than x: so codes stay on their own scale."""

    def gelu(self, x: Tensor) -> Tensor:
        """x times the share of a Gaussian below x, in the tanh form (Hendrycks and Gimpel 2016, arXiv 1606.08415):
        integers in x's own format and scale, floats in the unit's."""
        return self._curve("gelu", x)

    def gelu_backward(self, g: Tensor, x: Tensor) -> Tensor:
        """g times the slope at ``x``, the forward input."""
        return self._curve_backward("gelu", g, x)

    def silu(self, x: Tensor) -> Tensor:
        """x times the logistic function of x (Elfwing et al. 2017, arXiv 1702.03118), in formats as ``gelu`` has."""
        return self._curve("silu", x)

    def silu_backward(self, g: Tensor, x: Tensor) -> Tensor:
        """g times the slope at ``x``, the forward input."""
        return self._curve_backward("silu", g, x)

    def _curve(self, name: str, x: Tensor) -> Tensor:
        output = Output("output", x.shape, x.format, x.role)
        if not x.format.is_integer:
            output = Output("output", x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue(name, Unit.VECTOR, [x], [output], work=self._curve_work(name, x))[0]

    def _curve_backward(self, name: str, g: Tensor, x: Tensor) -> Tensor:
        slope = self._curve_work(name, x)
        if not x.format.is_integer:
            more, logistic = CURVES[name], _logistic(name)
            scaled = more.scaled * self._is_scaled(x)
            multiplies, adds = logistic.multiplies + more.slope.multiplies + scaled, logistic.adds + more.slope.adds
            slope = Work(x.elements, multiplies, adds, wide(x))
        work = Work(g.elements, slope.multiplies + 1, slope.adds, wide(g))
        output = Output("input_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        return self.issue(f"{name}_backward", Unit.VECTOR, [g, x], [output], work=work)[0]

    def _curve_work(self, name: str, x: Tensor) -> Work:
        """Floats: x s(u). Integers: a look-up, which counts as an addition; wider codes interpolate between two
        entries."""
        if not x.format.is_integer:
            logistic = _logistic(name)
            return Work(x.elements, logistic.multiplies + 1 + self._is_scaled(x), logistic.adds, wide(x))
        return Work(x.elements, 0, 1, x.format) if x.format.bits <= DIRECT_BITS else Work(x.elements, 1, 3, x.format)


def _logistic(name: str) -> Steps:
    """s(u): the argument; the power of -|u|; its sum with 1, the sign of u; the division."""
    argument = CURVES[name].argument
    multiplies = argument.multiplies + EXPONENTIAL.multiplies + DIVISION.multiplies
    return Steps(multiplies, argument.adds + EXPONENTIAL.adds + 2 + DIVISION.adds)
