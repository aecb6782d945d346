"""A batch that a step takes in parts, one after the other (gradient accumulation), and what a part must come after.

A free unit would begin the next part's forward pass as soon as it can, and the tensors of both parts would be there at
once. So whatever reads a part's images waits for the chain of data gradients of the part before, as all else of the
part waits for that. Weight gradients that are still to come run beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from accelsim.formats import Role
from accelsim.machine.numbered import Numbered
from accelsim.machine.recorder import Call
from accelsim.machine.tensor import Tensor
from accelsim.program import Phase, TensorSpec


class Parts(Numbered):
    """Where a step stands in its batch; ``number`` is that of the part that is open, 0 for the batch as one."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: dict[int, None] = {}
        self._before: tuple[int, ...] = ()

    @contextmanager
    def opened(self, number: int, count: int) -> Iterator[None]:
        """Issue what follows for part ``number`` of ``count``, from 1 on; one part alone is the batch as one."""
        with super().opened(number, count):
            if self.number:
                self._before, self._ends = tuple(self._ends), {}
            yield

    def after(self, inputs: Sequence[Tensor]) -> tuple[int, ...]:
        """Tensors that must be there before an operation of the forward pass starts: the last data gradients of the
        part before, where it reads what the host brought."""
        return self._before if self.number > 1 and any(x.role is Role.INPUT for x in inputs) else ()

    def take_down(self, call: Call, outputs: tuple[TensorSpec, ...]) -> None:
        """A call that was just issued."""
        if self.number and call.phase is Phase.DATA_GRADIENT:
            for index in call.inputs:
                self._ends.pop(index, None)
            self._ends.update({spec.index: None for spec in outputs if spec.role is not Role.WEIGHT_GRADIENT})
