"""Instruction of the vector unit: the random Hadamard transform of what a weight gradient multiplies."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work


class HadamardInstructions(Issuer):
    """Both operands are rotated along an axis that the product reduces, so the exact product stays as it is."""

    def rotates(self, x: Tensor) -> bool:
        """True where the recipe has a transform and ``x`` a whole group for it."""
        return self.recipe.hadamard is not None and _reduced(x) >= self.recipe.hadamard

    def rotate(self, x: Tensor, name: str) -> Tensor:
        """H D x / sqrt(n) for each group of n samples, or tokens, floats, in the unit's fp32; what is left over stays.

        H is Sylvester's matrix, D has random signs: those of the layer in this step, the same for all its tensors. The
        fast transform takes log2(n) additions an element; n is a power of four, so the division moves exponents alone.
        """
        size = self.recipe.hadamard or 1
        stages, rows = size.bit_length() - 1, x.reshaped((_reduced(x), x.elements // _reduced(x)))
        work, output = Work(x.elements * stages, 0, 1, wide(x)), Output(name, rows.shape, wide(x), Role.ACCUMULATOR)
        return self.issue("hadamard", Unit.VECTOR, [rows], [output], work=work, size=size)[0].reshaped(x.shape)


def _reduced(x: Tensor) -> int:
    """Length of the axis that the weight gradient reduces whole: samples, or tokens of (batch, tokens, width)."""
    return x.shape[0] * x.shape[1] if len(x.shape) == 3 else x.shape[0]
