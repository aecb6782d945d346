"""Tensors that an operation fetches and stores: plans are made of them, and the analysis of traffic names them.

What is applied in the drain fetches its other operands along with the operation, and stores its results in place of the
operation's own. A product's two operands may be fetched more than once, as its tiles have it; all else moves once.
"""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.program import Operation, Program, TensorSpec, Unit
from accelsim.timing.mapping.operands import moved_inputs, product_operands
from accelsim.timing.placement.drain import Drain


@dataclass(frozen=True)
class Moves:
    """``operands``: left and right of a product, () for other work. ``inputs``: what else the operation reads, in the
    shape of what it reads. ``streamed``: what its drain reads. ``stored``: results, those of the drain last.
    """

    operands: tuple[TensorSpec, ...]
    inputs: tuple[TensorSpec, ...]
    streamed: tuple[TensorSpec, ...]
    stored: tuple[TensorSpec, ...]

    @property
    def fetched_once(self) -> tuple[TensorSpec, ...]:
        """All that comes in but a product's operands."""
        return *self.inputs, *self.streamed


def moves_of(program: Program, operation: Operation, drain: Drain) -> Moves:
    """What moves for ``operation``, wherever it lies; it isn't applied in another one's drain."""
    if operation.unit is not Unit.MAC_ARRAY:
        inputs, outputs = moved_inputs(program, operation), program.outputs_of(operation)
        return Moves((), tuple(inputs), drain.streamed, (*outputs, *drain.stored))
    product = product_operands(program, operation)
    return Moves((product.left, product.right), product.extra, drain.streamed, (product.output, *drain.stored))
