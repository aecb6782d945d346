"""What the groups of CUDA kernels share: the launcher, and element-wise launches."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from accelsim.datapath.kernels import Kernels
from accelsim.datapath.kernels.gpu.launch import THREADS, Launcher, blocks_for
from accelsim.datapath.kernels.gpu.source import KERNELS, Parameters
from accelsim.datapath.kernels.philox import RandomStream
from accelsim.formats import FixedPointMultiplier

LANES = 8
"""Elements that one counter of random bits serves, and so one thread."""
ALIGNMENT = 16
"""Bytes of the widest load: a device reads so many from multiples of as many alone. New arrays start at more."""


class CudaBase(Kernels):
    """Arrays of ``xp`` in row-major order; a kernel that does not know a type leaves it to the portable set."""

    launch: Launcher

    def knows(self, name: str, **types: Any) -> bool:
        """Whether kernel ``name`` is written for these types."""
        choices = _choices(name)
        return all(name_of(value) in choices[key] for key, value in types.items())

    def elementwise(self, name: str, types: Parameters, elements: int, *arguments: Any, each: int = 1) -> None:
        """A grid-stride loop over ``elements``, ``each`` of them a turn."""
        if elements:
            self.launch(name, types, blocks_for(elements, each), (THREADS,), arguments)

    def packed(self, x: Any) -> Any:
        """``x`` in row-major order, copied where it is not."""
        return self.xp.ascontiguousarray(x)

    def aligned(self, x: Any) -> Any:
        """``packed``, and copied where it's a part of an array that starts between two places for the widest load."""
        x = self.packed(x)
        return x.copy() if self.launch.address(x) % ALIGNMENT else x

    def numbers(self, multiplier: FixedPointMultiplier, channels: int) -> tuple[Any, int, int, int]:
        """A multiplier as kernels take it: (2, channels) mantissas and right shifts or None, channels, and the one."""
        mantissa, shift = multiplier.mantissa, 31 - multiplier.exponent
        if np.ndim(mantissa) == 0:
            return None, 0, int(mantissa), int(shift)
        return self.per_channel(multiplier, channels), channels, 0, 0

    def per_channel(self, multiplier: FixedPointMultiplier, channels: int, *more: Any) -> Any:
        """(2, channels) mantissas and right shifts, and a row for each of ``more``, in one transfer."""
        rows = np.empty((2 + len(more), channels), dtype=np.int64)
        for at, row in enumerate((multiplier.mantissa, 31 - multiplier.exponent, *more)):
            rows[at] = row
        return self.xp.asarray(rows)


def types(**named: Any) -> Parameters:
    """Parameters of a source from arrays' types."""
    return tuple((name, value if isinstance(value, int) else name_of(value)) for name, value in named.items())


@cache
def name_of(dtype: Any) -> str:
    """NumPy's name of a type, which NumPy spells slowly each time."""
    return str(dtype)


@cache
def _choices(name: str) -> dict[str, tuple[str | int, ...]]:
    return dict(KERNELS[name].choices)


def key_of(random: RandomStream) -> tuple[int, int, int, int]:
    """A stream as kernels take it: step, seed, tensor, bits."""
    return random.step, random.seed, random.tensor, random.bits
