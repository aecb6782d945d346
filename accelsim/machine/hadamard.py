"""Instruction of the vector unit: the random Hadamard transform of what a weight gradient multiplies."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.formats.blocks import Along
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work


class HadamardInstructions(Issuer):
    """Both operands are rotated along what the product reduces, so the exact product stays as it is: the
    leading axes of both, taken as one. Blocks lie along the same."""

    def rotates(self, x: Tensor, along: Along) -> bool:
        """True where the recipe has a transform and ``x`` a whole group for it."""
        return self.recipe.hadamard is not None and along.run_in(x.shape) >= self.recipe.hadamard

    def rotate(self, x: Tensor, name: str, along: Along) -> Tensor:
        """H D x / sqrt(n) for each group of n, floats, in the unit's fp32; what is left over stays and is added to
        nothing, though it takes the lanes as long.

        H is Sylvester's matrix, D has random signs: those of the layer in this step, the same for all its tensors. The
        fast transform takes log2(n) additions an element; n is a power of four, so the division moves exponents alone.
        """
        size = self.recipe.hadamard or 1
        length, stages = along.run_in(x.shape), size.bit_length() - 1
        rows = x.reshaped((length, x.elements // length))
        # Where nothing is converted afterwards a convolution reads the output itself, by rows and columns of pixels.
        output = Output(name, x.shape, wide(x), Role.ACCUMULATOR)
        work = Work(x.elements * stages, self._is_scaled(x) / stages, length // size * size / length, wide(x))
        return self.issue("hadamard", Unit.VECTOR, [rows], [output], work=work, size=size, rows=length)[0]
