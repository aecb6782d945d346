"""Waiting for another thread without the interpreter lock and without a system call."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from accelsim.datapath.kernels.compiled.jit import compiled

HAS_PAUSE = platform.machine().lower() in ("x86_64", "amd64")


def _typed_peek(typing: Any, address: Any) -> Any:
    """The int64 at an address, read anew each time; on x86 the core pauses for some tens of cycles."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        if HAS_PAUSE:
            name = "llvm.x86.sse2.pause"
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [])
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, ordering="acquire", align=8)

    return types.int64(types.int64), generate


_peek: Any = intrinsic(_typed_peek)


@compiled
def wait_while(flag: Any, value: int, turns: int) -> None:
    """Return once ``flag`` (one int64) is not ``value``, or after ``turns`` looks."""
    for _ in range(turns):
        if _peek(flag.ctypes.data) != value:
            return
