"""Instructions of the vector unit: rotary position embeddings, which turn pairs of channels by an angle a position."""

from __future__ import annotations

from accelsim.formats import FP32, Format, Granularity, Role, integer
from accelsim.machine.constant import Constant
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work

ROTATION = "rotation"
"""The kind of constant that ``RotaryInstructions.rotation_table`` asks for."""
FRACTION_BITS = 14
"""Of its 16-bit integers: 1 is one of them."""


class RotaryInstructions(Issuer):
    """Sequences are (batch, tokens, heads x d); channels 2i and 2i + 1 of a head are a pair (Su et al. 2021, arXiv
    2104.09864)."""

    def rotation_table(self, x: Tensor, d: int, base: float) -> Tensor:
        """Cosines, then sines, of the angles position x base^(-2i / d): a row (d,) for each token of ``x``, in DRAM.

        Numbers have 16 bits for integers and are fp32 for floats. All layers that ask for the same share one table.
        """
        format_: Format = integer(16) if x.format.is_integer else FP32
        shape = (x.shape[1], d)
        return self.constant(Constant(f"{ROTATION}_{shape[0]}x{d}_{base:g}", shape, format_, ROTATION, base))

    def rotary(self, x: Tensor, table: Tensor, name: str) -> Tensor:
        """Each pair (a, b) becomes (a cos - b sin, a sin + b cos), in words or in the unit's floats.

        Accumulators whose channels have scales of their own, as the weights have, are brought to one scale first.
        """
        own_scales = x.format.is_integer and self.rule(Role.WEIGHT).granularity is Granularity.PER_CHANNEL
        return self._turned("rotary", x, table, name, rescaled=own_scales)

    def rotary_backward(self, g: Tensor, table: Tensor, name: str) -> Tensor:
        """The gradient of ``rotary``: pairs of g turned by the opposite angle."""
        return self._turned("rotary_backward", g, table, name, rescaled=False)

    def _turned(self, opcode: str, x: Tensor, table: Tensor, name: str, *, rescaled: bool) -> Tensor:
        work = Work(x.elements, 2 + (rescaled or self._is_scaled(x)), 1, wide(x))
        output = Output(name, x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue(opcode, Unit.VECTOR, [x, table], [output], work=work)[0]
