"""CPU backend compiled with Numba: one pass over memory where NumPy takes many."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels import NumpyKernels
from accelsim.datapath.kernels.compiled import loops, vnni
from accelsim.datapath.kernels.compiled.jit import Workers
from accelsim.datapath.kernels.compiled.norm import CompiledNorm
from accelsim.datapath.kernels.compiled.product import CompiledProducts
from accelsim.formats import FixedPointMultiplier


class CompiledKernels(CompiledNorm, CompiledProducts, NumpyKernels):
    """Overrides what it makes faster; same bits as ``NumpyKernels`` on any number of threads."""

    name = "compiled"

    def __init__(self, threads: int | None = None, *, use_vnni: bool = True) -> None:
        self.workers = Workers(threads)
        self.vnni = use_vnni and vnni.available()

    def add(self, a: Any, b: Any, first: FixedPointMultiplier, second: FixedPointMultiplier) -> Any:
        left, right, out = a.reshape(-1), b.reshape(-1), np.empty(a.size, dtype=np.int32)
        pairs = [number for m in (first, second) for number in (int(m.mantissa), 31 - int(m.exponent))]

        def work(start: int, stop: int) -> None:
            loops.add(left[start:stop], right[start:stop], out[start:stop], *pairs)

        self.workers.spread(a.size, 1, work)
        return out.reshape(a.shape)
