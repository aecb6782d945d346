"""Which function executes which opcode."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from accelsim.datapath.context import Context
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

Handler = Callable[[Context, Operation, tuple[Tensor, ...], tuple[TensorSpec, ...]], Sequence[Value]]
HANDLERS: dict[str, Handler] = {}


def executes(*opcodes: str) -> Callable[[Handler], Handler]:
    """Register a function for one or more opcodes."""

    def enter(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(opcodes, handler))
        return handler

    return enter
