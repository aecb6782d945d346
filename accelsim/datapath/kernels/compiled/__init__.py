"""CPU backend compiled with Numba: one pass over memory where NumPy takes many."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels import NumpyKernels
from accelsim.datapath.kernels.compiled import loops, memory, tile
from accelsim.datapath.kernels.compiled.deferred import Deferred, pending, plain
from accelsim.datapath.kernels.compiled.floats import loops as float_loops
from accelsim.datapath.kernels.compiled.floats.accumulate import CompiledFloatAccumulators
from accelsim.datapath.kernels.compiled.floats.norm import CompiledFloatNorm
from accelsim.datapath.kernels.compiled.masked import Product, Sum
from accelsim.datapath.kernels.compiled.norm import CompiledNorm
from accelsim.datapath.kernels.compiled.notes import Notes
from accelsim.datapath.kernels.compiled.pooling import CompiledPooling
from accelsim.datapath.kernels.compiled.product import CompiledProducts
from accelsim.datapath.kernels.compiled.requantised import Requantised
from accelsim.datapath.kernels.compiled.scaled import Narrowed, ScaledRows
from accelsim.datapath.kernels.compiled.update import CompiledUpdate
from accelsim.datapath.kernels.compiled.workers import GRAIN, Workers
from accelsim.formats import FixedPointMultiplier


class CompiledKernels(
    CompiledFloatAccumulators,
    CompiledNorm,
    CompiledFloatNorm,
    CompiledPooling,
    CompiledProducts,
    CompiledUpdate,
    NumpyKernels,
):
    """Overrides what it makes faster; same bits as ``NumpyKernels`` on any number of threads.

    ``threads`` defaults to OMP_NUM_THREADS or all CPUs; ``grain`` is the least work, in elements, of a thread's slice.
    """

    name = "compiled"

    def __init__(self, threads: int | None = None, *, use_vnni: bool = True, grain: int = GRAIN) -> None:
        memory.keep_freed_memory()
        self.workers = Workers(threads, grain)
        self.peaks: Notes[int] = Notes()
        self.extremes: Notes[tuple[Any, Any, Any]] = Notes()
        self.vnni = use_vnni and tile.available()

    def add(self, a: Any, b: Any, first: FixedPointMultiplier, second: FixedPointMultiplier) -> Any:
        if first.mantissa.ndim or second.mantissa.ndim:
            return super().add(plain(a), plain(b), first, second)
        numbers = int(first.mantissa), 31 - int(first.exponent), int(second.mantissa), 31 - int(second.exponent)
        # Mantissas have 31 bits and a sign: each product is below this bound, and its rounding adds at most one.
        bound = sum((self._bound(x) * abs(numbers[2 * i]) >> numbers[2 * i + 1]) + 1 for i, x in enumerate((a, b)))
        return Deferred(Sum(self.workers, self.peaks, a, b, numbers, bound < 1 << 31), a.shape)

    def relu(self, x: Any) -> Any:
        codes = pending(x, Requantised) or pending(x, Narrowed)
        if codes is not None:
            return Deferred(codes.rectified(), x.shape)
        x = plain(x)
        if x.dtype.kind != "i" and x.dtype != np.float32:
            return super().relu(x)
        source, out = x.reshape(-1), np.empty(x.size, dtype=x.dtype)
        work = loops.relu if x.dtype.kind == "i" else float_loops.relu
        self.workers.spread(x.size, 1, lambda start, stop: work(source[start:stop], out[start:stop]))
        return out.reshape(x.shape)

    def relu_backward(self, g: Any, y: Any) -> Any:
        y, plan = plain(y), pending(g, Product) or pending(g, Sum)
        if plan is not None and y.dtype == np.int8 and y.flags.c_contiguous:
            return plan.masked(y).reshape(g.shape)
        g = plain(g)
        if g.dtype.kind != "i" and not g.dtype == y.dtype == np.float32:
            return super().relu_backward(g, y)
        gradient, signs, out = g.reshape(-1), y.reshape(-1), np.empty(g.size, dtype=g.dtype)
        if g.dtype == np.float32:
            self.workers.spread(g.size, 1, lambda i, j: float_loops.relu_backward(gradient[i:j], signs[i:j], out[i:j]))
            return out.reshape(g.shape)

        def work(start: int, stop: int) -> int:
            return int(loops.relu_backward(gradient[start:stop], signs[start:stop], out[start:stop]))

        self.peaks.note(out, max(self.workers.spread(g.size, 1, work)))
        return out.reshape(g.shape)

    def _bound(self, x: Any) -> int:
        """What no magnitude of x exceeds, without looking at it."""
        words = pending(x, ScaledRows)
        if words is not None:
            return words.peak()
        peak = self.peaks.of(plain(x))
        return 1 << (8 * x.dtype.itemsize - 1) if peak is None else peak
