"""Update kernels, compiled: one pass over fp32 arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.deferred import plain
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.workers import Workers
from accelsim.datapath.kernels.update import UpdateKernels


class CompiledUpdate(UpdateKernels):
    """Same bits as the NumPy kernels."""

    workers: Workers

    def multiply_add(self, x: Any, factor: Any, y: Any) -> Any:
        x, y = plain(x), plain(y)
        if not (_is_fp32(x) and _is_fp32(y)):
            return super().multiply_add(x, factor, y)
        out = np.empty_like(y)
        left, right, target = x.reshape(-1), y.reshape(-1), out.reshape(-1)

        def work(i: int, j: int) -> None:
            multiply_add(left[i:j], factor, right[i:j], target[i:j])

        self.workers.spread(out.size, 1, work)
        return out

    def momentum(self, v: Any, momentum: Any, g: Any, w: Any, decay: Any) -> Any:
        v, g, w = plain(v), plain(g), plain(w)
        if not (decay and _is_fp32(v) and _is_fp32(g) and _is_fp32(w)):
            return super().momentum(v, momentum, g, w, decay)
        out = np.empty_like(v)
        velocity, gradient, weights, target = v.reshape(-1), g.reshape(-1), w.reshape(-1), out.reshape(-1)

        def work(i: int, j: int) -> None:
            decayed_momentum(velocity[i:j], momentum, gradient[i:j], weights[i:j], decay, target[i:j])

        self.workers.spread(out.size, 1, work)
        return out


def _is_fp32(x: Any) -> bool:
    return bool(x.dtype == np.float32 and x.flags.c_contiguous)


@compiled
def multiply_add(x: Any, factor: Any, y: Any, out: Any) -> None:
    """x factor + y."""
    for i in range(out.size):
        out[i] = np.float32(x[i] * factor) + y[i]


@compiled
def decayed_momentum(v: Any, momentum: Any, g: Any, w: Any, decay: Any, out: Any) -> None:
    """momentum v + (g + decay w)."""
    for i in range(out.size):
        out[i] = np.float32(momentum * v[i]) + np.float32(np.float32(decay * w[i]) + g[i])
