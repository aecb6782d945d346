"""Instructions of the vector unit: the product of two tensors, element by element."""

from __future__ import annotations

from accelsim.formats import Format, Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work


class GatingInstructions(Issuer):
    """Operands are quantised, so that multipliers are as narrow as those of matrix products."""

    def multiply(self, a: Tensor, b: Tensor, name: str = "product") -> Tensor:
        """a x b in 32-bit words, or in the unit's floats: exact codes under the product of both scales, floats rounded
        once.

        Raises:
            ValueError: the shapes differ.
        """
        if a.shape != b.shape:
            raise ValueError(f"cannot multiply {a.name} of shape {a.shape} by {b.name} of shape {b.shape}")
        work, output = self._multiply_work(a, b), Output(name, a.shape, _product_format(a, b), Role.ACCUMULATOR)
        return self.issue("multiply", Unit.VECTOR, [a, b], [output], work=work)[0]

    def _multiply_work(self, a: Tensor, b: Tensor) -> Work:
        """Scales of integers go into that of the product; those of floats are one constant."""
        if _product_format(a, b).is_integer:
            return Work(a.elements, 1, 0, max(a.format, b.format, key=lambda format_: format_.bits))
        return Work(a.elements, 1 + bool(self._rescalings(a, b)), 0, _product_format(a, b))


def _product_format(a: Tensor, b: Tensor) -> Format:
    """Words where both are integers, else what the unit has floats in."""
    return max(wide(a), wide(b), key=lambda format_: (not format_.is_integer, format_.bits))
