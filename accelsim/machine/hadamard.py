"""Instruction of the vector unit: the random Hadamard transform of what a weight gradient multiplies."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work


class HadamardInstructions(Issuer):
    """Both operands are rotated along the axis that the product reduces, so the exact product stays as it is."""

    def rotates(self, x: Tensor) -> bool:
        """True where the recipe has a transform and ``x`` a whole group of samples for it."""
        return self.recipe.hadamard is not None and x.shape[0] >= self.recipe.hadamard

    def rotate(self, x: Tensor, name: str) -> Tensor:
        """H D x / sqrt(n) for each group of n samples (axis 0), floats, in the unit's fp32; samples left over stay.

        H is Sylvester's matrix, D has random signs: those of the layer in this step, the same for all its tensors. The
        fast transform takes log2(n) additions an element; n is a power of four, so the division moves exponents alone.
        """
        size = self.recipe.hadamard or 1
        stages = size.bit_length() - 1
        work, output = Work(x.elements * stages, 0, 1, wide(x)), Output(name, x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue("hadamard", Unit.VECTOR, [x], [output], work=work, size=size)[0]
