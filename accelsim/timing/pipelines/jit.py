"""Compiled functions over integer arrays, cached on disk between runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """``function`` compiled at its first call."""
    return cast(F, numba.njit(cache=True, error_model="numpy")(function))


def inner(function: F) -> F:
    """A function that only compiled ones call: it compiles faster, as it can't be called from Python."""
    unwrapped: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(F, numba.njit(cache=True, error_model="numpy", **unwrapped)(function))
