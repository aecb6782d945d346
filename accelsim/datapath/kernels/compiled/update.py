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

    def momentum_step(self, w: Any, v: Any, g: Any, momentum: Any, decay: Any, learning_rate: Any) -> tuple[Any, Any]:
        w, v, g = plain(w), plain(v), plain(g)
        if not (_is_fp32(v) and _is_fp32(g) and _is_fp32(w)):
            return super().momentum_step(w, v, g, momentum, decay, learning_rate)
        kept, moved = np.empty_like(v), np.empty_like(w)
        weights, velocity, gradient = w.reshape(-1), v.reshape(-1), g.reshape(-1)
        new_velocity, new_weights, rate = kept.reshape(-1), moved.reshape(-1), -learning_rate

        def work(i: int, j: int) -> None:
            momentum_step(
                weights[i:j],
                velocity[i:j],
                gradient[i:j],
                momentum,
                decay,
                rate,
                new_velocity[i:j],
                new_weights[i:j],
            )

        self.workers.spread(v.size, 1, work)
        return kept, moved


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


@compiled
def momentum_step(
    w: Any, v: Any, g: Any, momentum: Any, decay: Any, rate: Any, new_velocity: Any, new_weights: Any
) -> None:
    """v <- momentum v + (g + decay w), then w <- rate v + w; without decay there is no such term."""
    for i in range(w.size):
        pulled = np.float32(decay * w[i]) + g[i] if decay else g[i]
        kept = np.float32(momentum * v[i]) + np.float32(pulled)
        new_velocity[i] = kept
        new_weights[i] = np.float32(rate * kept) + w[i]
