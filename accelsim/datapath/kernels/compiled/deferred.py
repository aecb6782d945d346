"""Arrays that nobody has computed yet, so that the kernel that reads one can make it in its own pass.

A kernel may return a ``Deferred`` in place of an array: a shape, and a ``Plan`` that says how to make the codes. A
compiled kernel that knows the kind of plan (``pending``) takes the plan's inputs instead and never stores what lies
between; whoever else reads the array gets it made, once (``plain``, any operator, any NumPy function). So a deferred
array can't be told from a plain one by its values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Plan(ABC):
    """How to make one array of ``dtype``."""

    elsewhere = False
    """True where other threads are making it: a conversion or a factor then waits with it."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self._array: Any = None

    @property
    def is_made(self) -> bool:
        """True once somebody has read the array."""
        return self._array is not None

    def array(self) -> Any:
        """The array, flat or in any shape of the right size."""
        if self._array is None:
            self._array = self.make()
            self.forget()
        return self._array

    def keep(self, array: Any) -> None:
        """Take ``array`` as made, by this plan or by a pass that made it beside something else."""
        self._array = array
        self.forget()

    @abstractmethod
    def make(self) -> Any:
        """Compute the array."""

    def forget(self) -> None:  # noqa: B027 - a plan that others still ask keeps its inputs
        """Drop the inputs, where they are not needed again."""


class Elsewhere(Plan):
    """An array that other threads are making, or that awaits one: ``finish`` returns it when they have."""

    elsewhere = True

    def __init__(self, dtype: Any, finish: Callable[[], Any]) -> None:
        super().__init__(dtype)
        self._finish = finish

    def make(self) -> Any:
        return self._finish()

    def forget(self) -> None:
        del self._finish


class Deferred(NDArrayOperatorsMixin):
    """What ``plan`` will make, in ``shape``."""

    __slots__ = ("dtype", "plan", "shape")

    def __init__(self, plan: Plan, shape: tuple[int, ...]) -> None:
        self.plan = plan
        self.shape = shape
        self.dtype = plan.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    def reshape(self, *shape: Any) -> Deferred:
        """The same array in another shape, one side of which may be -1."""
        sides = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
        if sides == self.shape:
            return self
        whole, size = sides, prod(self.shape)
        if -1 in sides:
            at = sides.index(-1)
            whole = (*sides[:at], size // -prod(sides), *sides[at + 1 :])
        if prod(whole) != size:
            raise ValueError(f"cannot reshape an array of shape {self.shape} into {sides}")
        return Deferred(self.plan, whole)

    def astype(self, dtype: Any, **keywords: Any) -> Any:
        """The codes in another type."""
        return self._then(lambda array: array.astype(dtype, **keywords), dtype)

    def _then(self, step: Callable[[Any], Any], dtype: Any) -> Any:
        """``step`` of the array: at once, or with an array that others are still making."""
        if self.plan.elsewhere and not self.plan.is_made:
            return Deferred(Elsewhere(dtype, lambda: step(self.array())), self.shape)
        return step(self.array())

    def array(self) -> Any:
        """The codes, made now if nobody has."""
        made = self.plan.array()
        return made if made.shape == self.shape else made.reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.array(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if (
            ufunc is np.multiply
            and method == "__call__"
            and not keywords
            and inputs[0] is self
            and _is_number(inputs[1])
        ):
            return self._then(lambda array: array * inputs[1], np.result_type(self.dtype, inputs[1]))
        return getattr(ufunc, method)(*[plain(x) for x in inputs], **keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.array(), name)

    def __getitem__(self, at: Any) -> Any:
        return self.array()[at]

    def __len__(self) -> int:
        return self.shape[0]


def _is_number(x: Any) -> bool:
    return isinstance(x, float | int | np.generic)


P = TypeVar("P", bound=Plan)


def plain(x: Any) -> Any:
    """``x`` as an array of the library."""
    return x.array() if isinstance(x, Deferred) else x


def pending(x: Any, kind: type[P]) -> P | None:
    """The plan behind ``x`` where it is of ``kind`` (no subclass) and nobody has read the array yet."""
    if isinstance(x, Deferred):
        plan = x.plan
        if type(plan) is kind and plan._array is None:
            return plan
    return None
