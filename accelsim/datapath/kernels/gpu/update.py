"""Update unit: an optimizer's step in one pass over memory."""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels.gpu.base import CudaBase


class CudaUpdate(CudaBase):
    """Arrays of one shape, all float32; others take the portable way."""

    def momentum_step(self, w: Any, v: Any, g: Any, momentum: Any, decay: Any, learning_rate: Any) -> tuple[Any, Any]:
        if any(x.dtype != "float32" or x.shape != w.shape for x in (w, v, g)):
            return super().momentum_step(w, v, g, momentum, decay, learning_rate)
        velocity, weights = (self.xp.empty(w.shape, dtype="float32") for _ in range(2))
        arrays, numbers = [self.packed(x) for x in (w, v, g)], [float(x) for x in (momentum, decay, learning_rate)]
        self.elementwise("momentum_step", (), w.size, *arrays, velocity, weights, w.size, *numbers)
        return velocity, weights
