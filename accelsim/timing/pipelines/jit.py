"""Compiled functions over integer arrays that they are given, cached on disk between runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types

from accelsim.recompile import compiles, watched

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """``function`` compiled at its first call; with NUMBA_DISABLE_JIT it stays Python, where integers wrap as they do
    in machine code."""
    return _once(function) if compiles() else np.errstate(over="ignore")(function)


def inner(function: F) -> F:
    """A function that only compiled ones call: it compiles faster, as it can't be called from Python.

    It is made part of its callers, as a call would hand over the shape and the strides of every array.
    """
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True}
    return _once(function, **options) if compiles() else function


def _once(function: F, **options: bool) -> F:
    """Compile for types alone: by default, each constant that a caller gives is a type of its own.

    References to arrays are not counted, which takes longer than the work on them: who calls holds them. So no compiled
    function can make an array.
    """
    # Numba doesn't document this option. With counts it takes 1.4 times as long to time a ResNet-20, compiling aside.
    # A Numba that no longer knew it would end the first call with a KeyError; no result needs it.
    uncounted: dict[str, Any] = {**options, "_nrt": False}
    dispatcher = watched(numba.njit(cache=True, error_model="numpy", **uncounted)(function))
    for_types = dispatcher.get_call_template

    def without_constants(arguments: tuple[types.Type, ...], named: dict[str, types.Type]) -> Any:
        return for_types(tuple(map(types.unliteral, arguments)), named)

    dispatcher.get_call_template = without_constants
    return cast(F, dispatcher)
