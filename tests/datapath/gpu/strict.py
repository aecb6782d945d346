"""A stand-in for CuPy without a GPU: NumPy arrays in a wrapper that refuses what CuPy refuses.

A strict array never turns into a NumPy array by itself and never mixes with one: ``asarray`` of the module brings data
in, ``asnumpy`` takes it out, and each is counted. The module has only the names that CuPy has. What it computes element
by element makes zeros of float32 below 2**-126, as CuPy's kernels do, which are compiled with ``-ftz=true``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

NAMES = Path(__file__).parents[2] / "golden" / "cupy" / "names.txt"
SCATTERED = ("int32", "uint32", "uint64", "float16", "float32", "float64")
"""Types that CuPy's ``add.at`` takes."""
METHODS = (
    *("all", "any", "argmax", "argmin", "argsort", "astype", "clip", "copy", "cumsum", "flatten", "max", "mean"),
    *("min", "nonzero", "ravel", "repeat", "reshape", "round", "sum", "take", "transpose", "var", "view"),
)
FUNCTIONS = {np.ndim: lambda x: x.ndim, np.shape: lambda x: x.shape, np.size: lambda x: x.size}
"""NumPy functions that tell of a CuPy array without moving it."""


class StrictArray(NDArrayOperatorsMixin):
    """An array of the stand-in."""

    def __init__(self, array: Any) -> None:
        self._array = np.asarray(array)

    dtype = property(lambda self: self._array.dtype)
    shape = property(lambda self: self._array.shape)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    itemsize = property(lambda self: self._array.itemsize)
    nbytes = property(lambda self: self._array.nbytes)
    flags = property(lambda self: self._array.flags)
    T = property(lambda self: StrictArray(self._array.T))

    def __array__(self, *arguments: Any, **keywords: Any) -> Any:
        raise TypeError("implicit conversion of a device array to NumPy")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if method != "__call__" or set(keywords) - {"out", "dtype", "casting"}:
            raise TypeError(f"{ufunc.__name__}.{method}{tuple(keywords)}: not on device arrays")
        given = [flushed(inside(x)) for x in inputs]
        if ufunc is np.matmul and StrictModule.last_first:
            given = [given[0][..., ::-1], given[1][..., ::-1, :]]
        found = getattr(ufunc, method)(*given, **_all_inside(keywords))
        if isinstance(found, np.ndarray) and "out" in keywords:
            found[...] = flushed(found)
        return wrapped(flushed(found))

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        if function not in FUNCTIONS:
            raise TypeError(f"numpy.{function.__name__} of a device array")
        return FUNCTIONS[function](*arguments)

    def __getitem__(self, at: Any) -> StrictArray:
        return StrictArray(self._array[_index(at)])

    def __setitem__(self, at: Any, value: Any) -> None:
        self._array[_index(at)] = inside(value)

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(f"strict arrays have no {name}")
        method = self._astype if name == "astype" else getattr(self._array, name)
        if StrictModule.last_first and name in ("sum", "mean", "var") and self._array.dtype.kind == "f":
            method = partial(_turned_round, self._array, name)
        return lambda *arguments, **keywords: wrapped(
            method(*[_inside_deep(x) for x in arguments], **_all_inside(keywords))
        )

    def _astype(self, dtype: Any, **keywords: Any) -> Any:
        if self._array.dtype == dtype:
            return self._array.astype(dtype, **keywords)
        return flushed(flushed(self._array).astype(dtype, **keywords))

    def __len__(self) -> int:
        return len(self._array)

    def __bool__(self) -> bool:
        StrictModule.fetched += 1
        return bool(self._array)

    def __int__(self) -> int:
        StrictModule.fetched += 1
        return int(self._array)

    def __float__(self) -> float:
        StrictModule.fetched += 1
        return float(self._array)

    def __index__(self) -> int:
        raise TypeError("a device array as an index of Python")

    def get(self) -> Any:
        """Data from the device, as they are now."""
        StrictModule.fetched += 1
        return self._array.copy()

    def tolist(self) -> Any:
        """Python numbers: a transfer that says so."""
        StrictModule.fetched += 1
        return self._array.tolist()


class StrictModule:
    """``xp`` for the datapath; ``sent`` and ``fetched`` count transfers to the device and back, of one number, too."""

    sent = fetched = 0
    last_first = False
    """Whether products and sums of floats add the last first: a device has an order of its own, which isn't NumPy's."""

    uint64, int64, int32, int8, uint8, uint16, uint32 = (
        np.uint64, np.int64, np.int32, np.int8, np.uint8, np.uint16, np.uint32,
    )  # fmt: skip
    float32, float64, inf, nan, iinfo = np.float32, np.float64, np.inf, np.nan, np.iinfo

    def __init__(self) -> None:
        self.names = set(NAMES.read_text(encoding="utf-8").split("\n")[1:])
        self.add = _Add()
        windows = self._function(np.lib.stride_tricks.sliding_window_view)
        self.lib = SimpleNamespace(stride_tricks=SimpleNamespace(sliding_window_view=windows))

    def asarray(self, x: Any, dtype: Any = None) -> StrictArray:
        """Data to the device; what is there stays."""
        StrictModule.sent += isinstance(x, np.ndarray)
        return StrictArray(np.asarray(x._array if isinstance(x, StrictArray) else x, dtype=dtype))

    def ndindex(self, *shape: Any) -> Any:
        """Indices, on the host as in CuPy."""
        return np.ndindex(*shape)

    def __getattr__(self, name: str) -> Any:
        if name not in self.names or not callable(getattr(np, name, None)):
            raise AttributeError(f"cupy has no {name}")
        return self._function(getattr(np, name))

    @staticmethod
    def _function(function: Any) -> Any:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if isinstance(function, np.ufunc) and set(keywords) - {"out", "dtype", "casting"}:
                raise TypeError(f"cupy.{function.__name__} takes no {tuple(keywords)}")
            given = [_inside_deep(x) for x in arguments]
            if not isinstance(function, np.ufunc):
                return wrapped(function(*given, **_all_inside(keywords)))
            return wrapped(flushed(function(*[flushed(x) for x in given], **_all_inside(keywords))))

        return call


class _Add:
    """``xp.add`` with its ``at``."""

    def __call__(self, a: Any, b: Any, **keywords: Any) -> Any:
        return wrapped(np.add(inside(a), inside(b), **_all_inside(keywords)))

    @staticmethod
    def at(target: Any, places: Any, values: Any) -> None:
        if str(target.dtype) not in SCATTERED or target.dtype != values.dtype:
            raise TypeError(f"cupy.add.at of {values.dtype} to {target.dtype}")
        np.add.at(inside(target), inside(places), inside(values))


def inside(x: Any) -> Any:
    """What NumPy computes with; a NumPy array among device arrays is a leak."""
    if isinstance(x, StrictArray):
        return x._array
    if isinstance(x, np.ndarray):
        raise TypeError("a NumPy array meets a device array")
    return x


def _turned_round(x: Any, name: str, axis: Any = None, **keywords: Any) -> Any:
    """A reduction along ``axis`` that begins at its end."""
    return getattr(np.flip(x, axis), name)(axis=axis, **keywords)


def flushed(x: Any) -> Any:
    """``x``, with zeros of the same sign for the smallest float32."""
    if not isinstance(x, np.ndarray | np.generic) or x.dtype != np.float32:
        return x
    small = np.abs(x) < np.finfo(np.float32).smallest_normal
    return np.where(small, np.copysign(np.float32(0), x), x) if small.any() else x


def bare(x: Any) -> Any:
    """The NumPy array behind a strict one, for what plays the device."""
    return x._array if isinstance(x, StrictArray) else x


def wrapped(x: Any) -> Any:
    """Results of NumPy as device arrays, numbers included: reductions leave their result on the device."""
    if isinstance(x, np.ndarray | np.generic):
        return StrictArray(x)
    return [wrapped(part) for part in x] if isinstance(x, list | tuple) else x


def _inside_deep(x: Any) -> Any:
    return type(x)(_inside_deep(part) for part in x) if isinstance(x, list | tuple) else inside(x)


def _all_inside(keywords: dict[str, Any]) -> dict[str, Any]:
    return {name: _inside_deep(value) for name, value in keywords.items()}


def _index(at: Any) -> Any:
    parts = at if isinstance(at, tuple) else (at,)
    if any(isinstance(part, list | range) for part in parts):
        raise TypeError("a list as an index of a device array")
    found = tuple(inside(part) for part in parts)
    return found if isinstance(at, tuple) else found[0]
