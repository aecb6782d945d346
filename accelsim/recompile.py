"""Machine code that is kept on disk, and made again once anything that went into it has changed.

Numba compiles a function together with all that it calls and with the numbers that its module has, but keeps the result
for as long as the function's own file is the same. After a change in another file it would run what was: old rules, or
tables of another width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np

_Parts = frozenset[tuple[str, str]]
"""What machine code is made of: files and numbers, by name and content."""
_known: dict[int, tuple[dict[str, Any], _Parts]] = {}
"""Of modules that were imported whole, by the identity of their globals, which are kept for that."""


def compiles() -> bool:
    """Whether Numba compiles anything, which NUMBA_DISABLE_JIT turns off."""
    settings: Any = numba.config
    return not settings.DISABLE_JIT


def watched(dispatcher: Any) -> Any:
    """A function of Numba with ``cache=True``, whose machine code counts while files, numbers and options are the same.

    What it uses from other files must be imported, and numbers be given, above it. Numba has no public way to say so:
    where a version of it keeps its stamps otherwise, they follow the function's own file alone.
    """
    index: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if (stamp := getattr(index, "_source_stamp", None)) is not None:
        parts = sorted(_parts(dispatcher.py_func.__globals__)), sorted(dispatcher.targetoptions.items())
        index._source_stamp = stamp, hashlib.sha256(repr(parts).encode()).digest()
    return dispatcher


def _parts(names: dict[str, Any]) -> _Parts:
    """Of a module with these ``names`` so far, its own file aside, and of those whose compiled functions it imports."""
    found = {(f"{names['__name__']}.{name}", text) for name, value in names.items() if (text := _number(value))}
    for function in filter(None, map(_function, list(names.values()))):
        others, path = function.__globals__, function.__code__.co_filename
        if others is not names:
            if id(others) not in _known:
                _known[id(others)] = others, _parts(others)
            found |= _known[id(others)][1]
            found.add((path, _content(path, Path(path).stat().st_mtime_ns)))
    return frozenset(found)


def _function(value: object) -> Callable[..., Any] | None:
    """The Python function behind a compiled one, or behind an intrinsic."""
    function = getattr(value, "py_func", None) or getattr(value, "_defn", None)
    return function if hasattr(function, "__code__") else None


def _number(value: object) -> str:
    """Numbers, which compiled code has as constants, as text; nothing for anything else."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{value.tobytes().hex()}"
    if isinstance(value, tuple) and value and all(map(_number, value)):
        return str([_number(each) for each in value])
    return format(value) if isinstance(value, int | float | np.number) else ""


@cache
def _content(path: str, mtime_ns: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
