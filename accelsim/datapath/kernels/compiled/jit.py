"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from accelsim.recompile import watched

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile at first use and keep the machine code; the interpreter lock is released while it runs."""
    return cast(F, watched(numba.njit(nogil=True, cache=True, error_model="numpy")(function)))


def inlined(function: F) -> F:
    """A scalar step that compiled kernels call in their innermost loop."""
    return cast(F, watched(numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")(function)))
