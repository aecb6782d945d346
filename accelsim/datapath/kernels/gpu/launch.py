"""How a kernel runs: compiled on first use, by CuPy, for the types that it meets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np

from accelsim.datapath.kernels.gpu.machine_code import machine_code
from accelsim.datapath.kernels.gpu.source import KERNELS, Parameters, source_of

THREADS = 256
"""Threads of a block."""
MOST_BLOCKS = 1 << 14
"""Blocks of a grid-stride loop: enough to fill any device."""
Size = tuple[int, ...]


class Launcher(Protocol):
    """Runs kernel ``name``, compiled with ``parameters``, on a grid of blocks.

    Arguments are arrays, ints (64 bits) and floats (double precision); None is a null pointer.
    """

    @property
    def capability(self) -> int:
        """Compute capability of the device, ten times: 90 for 9.0."""

    def address(self, x: Any) -> int:
        """Where the first element of ``x`` lies."""

    def __call__(
        self, name: str, parameters: Parameters, grid: Size, block: Size, arguments: Sequence[Any]
    ) -> None: ...


class CupyLauncher:
    """On the current CUDA device."""

    @cached_property
    def capability(self) -> int:
        import cupy

        return int(cupy.cuda.Device().compute_capability)

    def address(self, x: Any) -> int:
        return int(x.data.ptr)

    def __call__(self, name: str, parameters: Parameters, grid: Size, block: Size, arguments: Sequence[Any]) -> None:
        _function(name, parameters)(grid, block, tuple(_passed(x) for x in arguments))


@cache
def _function(name: str, parameters: Parameters) -> Any:
    return _module(KERNELS[name].file, source_of(name, parameters)).get_function(name)


@cache
def _module(file: str, source: str) -> Any:
    """Several kernels of a file share its module."""
    import cupy

    module = cupy.cuda.function.Module()
    module.load(machine_code(cupy.cuda.nvrtc, int(cupy.cuda.Device().compute_capability), file, source))
    return module


def _passed(x: Any) -> Any:
    """Numbers at the width that kernels take; a null pointer is eight bytes of zeros."""
    if x is None or isinstance(x, int | np.integer):
        return np.int64(x or 0)
    return np.float64(x) if isinstance(x, float | np.floating) else x


def blocks_for(elements: int, each: int = 1) -> Size:
    """Grid of a loop over ``elements``, ``each`` of them a thread's turn."""
    return (min(MOST_BLOCKS, max(1, -(-elements // (each * THREADS)))),)
