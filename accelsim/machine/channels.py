"""Instructions of the vector unit on channels: tensors side by side, and parts of them."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work


class ChannelInstructions(Issuer):
    """Channels are the last axis."""

    def concat(self, a: Tensor, b: Tensor) -> Tensor:
        """The channels of ``a`` and then those of ``b``, on a scale that holds both.

        Raises:
            ValueError: another axis differs.
        """
        if a.shape[:-1] != b.shape[:-1]:
            raise ValueError(f"cannot put {a.name} of shape {a.shape} beside {b.name} of shape {b.shape}")
        output = Output("channels", (*a.shape[:-1], a.shape[-1] + b.shape[-1]), wide(a), Role.ACCUMULATOR)
        rescaled = sum(x.elements for x in (a, b) if self._rescalings(x))
        work = Work(a.elements + b.elements, rescaled / (a.elements + b.elements), 0, wide(a))
        return self.issue("concat", Unit.VECTOR, [a, b], [output], work=work)[0]

    def slice_channels(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Channels ``start`` to before ``stop``, in x's format and scale; reads these alone."""
        output = Output("input_gradient", (*x.shape[:-1], stop - start), x.format, x.role)
        work = Work(x.elements // x.shape[-1] * (stop - start), 0, 0, x.format)
        return self.issue("slice_channels", Unit.VECTOR, [x], [output], work=work, start=start)[0]
