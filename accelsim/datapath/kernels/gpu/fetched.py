"""What the host learns of device arrays: fetched once, and as many at a time as can be, since each transfer waits.

A transfer stops the host until the device has done all that it was asked before. So several arrays come in one, and
what came is remembered for as long as the array is there, at most until ``forget``, which each step begins with.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.datapath.kernels.gpu.base import CudaBase, name_of, types

T = TypeVar("T")
SLOTS = 1024
"""Magnitudes that are set to zero at a time."""
WORDS = {"float32": "int32", "float64": "int64"}
"""Integers as wide as floats, whose bits without the sign are in the order of the magnitudes."""


class Known(Generic[T]):
    """A fact by array, of arrays that nobody writes to; it goes with the array."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Callable[[], Any], T]] = {}

    def note(self, x: Any, fact: T) -> None:
        key, found = id(x), self._found
        found[key] = weakref.ref(x, lambda _: found.pop(key, None)), fact

    def knows(self, x: Any) -> bool:
        entry = self._found.get(id(x))
        return entry is not None and entry[0]() is x

    def of(self, x: Any) -> T:
        """The fact about ``x``, which is known."""
        return self._found[id(x)][1]

    def clear(self) -> None:
        self._found.clear()


class CudaFetched(CudaBase):
    """Copies and largest magnitudes of arrays; those of ``expect_peak`` come with the first that is asked for."""

    def __init__(self) -> None:
        self._copies: Known[Any] = Known()
        self._peaks: Known[float] = Known()
        self._expected: list[Callable[[], Any]] = []
        self._free, self._given = np.zeros(0, dtype=np.uint64), 0

    def forget(self) -> None:
        self._copies.clear()
        self._peaks.clear()
        self._expected.clear()

    def on_host(self, *arrays: Any) -> list[Any]:
        missing = [x for x in arrays if not self._copies.knows(x)]
        if missing:
            for x, copy in zip(missing, self._fetched(missing), strict=True):
                self._copies.note(x, copy)
        return [self._copies.of(x) for x in arrays]

    def expect_peak(self, x: Any) -> None:
        if self._is_measured(x):
            self._expected.append(weakref.ref(x))

    def largest_magnitude(self, x: Any) -> float:
        return self.largest_magnitudes(x)[0]

    def largest_magnitudes(self, *arrays: Any) -> list[float]:
        missing = [x for x in arrays if not self._peaks.knows(x)]
        if missing:
            expected = [x for reference in self._expected if (x := reference()) is not None]
            self._expected.clear()
            self._measure([*missing, *(x for x in expected if not self._peaks.knows(x))])
        return [self._peaks.of(x) for x in arrays]

    def _measure(self, arrays: Sequence[Any]) -> None:
        """Note the largest magnitudes of ``arrays``: a launch each, then one transfer."""
        known = [x for x in arrays if self._is_measured(x)]
        found, first = self._slots(len(known))
        for place, x in enumerate(known, start=first):
            data, kernel = self.packed(x), "largest_magnitude"
            if x.dtype.kind == "f":
                data, kernel = data.view(WORDS[name_of(x.dtype)]), "largest_bits"
            self.elementwise(kernel, types(X=data.dtype), x.size, data, found, place, x.size, each=4)
        for x, bits in zip(known, on_host(found[first : first + len(known)]) if known else (), strict=True):
            self._peaks.note(x, _magnitude(bits, x.dtype))
        for x in arrays:
            if not self._peaks.knows(x):
                self._peaks.note(x, super().largest_magnitude(x))

    def _slots(self, count: int) -> tuple[Any, int]:
        """Zeros for ``count`` magnitudes, and where they begin: none is given out twice, so few calls set many."""
        if self._given + count > self._free.size:
            self._free, self._given = self.xp.zeros(max(SLOTS, count), dtype="uint64"), 0
        self._given += count
        return self._free, self._given - count

    def _is_measured(self, x: Any) -> bool:
        dtype = name_of(x.dtype)
        return bool(x.size) and self.knows("largest_magnitude", X=WORDS.get(dtype, dtype))

    def _fetched(self, arrays: Sequence[Any]) -> list[Any]:
        """Copies of ``arrays`` that nobody can write to, by one transfer of their bytes."""
        if len(arrays) == 1:
            copies = [on_host(arrays[0]).view()]
        else:
            flat = [self.packed(x).reshape(-1).view("uint8") for x in arrays]
            whole = on_host(self.xp.concatenate(flat))
            parts = np.split(whole, np.cumsum([x.size for x in flat[:-1]]))
            copies = [part.view(x.dtype).reshape(x.shape) for part, x in zip(parts, arrays, strict=True)]
        for copy in copies:
            copy.flags.writeable = False
        return copies


def _magnitude(bits: Any, dtype: Any) -> float:
    """What ``largest_magnitude.cu`` found in an array of ``dtype``."""
    if dtype.kind != "f":
        return float(bits)
    return float(np.array(bits, dtype=f"uint{8 * dtype.itemsize}").view(str(dtype)))
