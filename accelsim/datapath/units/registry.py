"""Which function executes which opcode."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from accelsim.datapath.context import Context
from accelsim.errors import InternalError
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

Handler = Callable[[Context, Operation, tuple[Tensor, ...], tuple[TensorSpec, ...]], Sequence[Value]]


class _Handlers(dict[str, Handler]):
    """Names what is to be written where an opcode has no function."""

    def __missing__(self, opcode: str) -> Handler:
        raise InternalError(
            f"no unit of the datapath executes {opcode!r}: a function with @executes({opcode!r}) belongs into "
            "datapath/units/, and its module into the imports of datapath/units/__init__.py"
        )


HANDLERS: dict[str, Handler] = _Handlers()


def executes(*opcodes: str) -> Callable[[Handler], Handler]:
    """Register a function for one or more opcodes."""

    def enter(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(opcodes, handler))
        return handler

    return enter
