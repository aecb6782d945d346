"""Update unit: an optimizer's step in one pass over memory, and what other optimizers keep from step to step.

What is kept shrinks towards nothing where no gradient comes; CuPy's own kernels would make zeros of float32 below
2**-126.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.gpu.base import CudaBase


class CudaUpdate(CudaBase):
    """Arrays of one shape, all float32; others take the portable way."""

    def multiply_add(self, x: Any, factor: Any, y: Any) -> Any:
        if any(z.dtype != "float32" or z.shape != x.shape for z in (x, y)) or not isinstance(factor, np.float32):
            return super().multiply_add(x, factor, y)
        out = self.xp.empty(x.shape, dtype="float32")
        self.elementwise("multiply_add", (), x.size, self.packed(x), self.packed(y), out, x.size, float(factor))
        return out

    def momentum_step(self, w: Any, v: Any, g: Any, momentum: Any, decay: Any, learning_rate: Any) -> tuple[Any, Any]:
        if any(x.dtype != "float32" or x.shape != w.shape for x in (w, v, g)):
            return super().momentum_step(w, v, g, momentum, decay, learning_rate)
        velocity, weights = (self.xp.empty(w.shape, dtype="float32") for _ in range(2))
        arrays, numbers = [self.packed(x) for x in (w, v, g)], [float(x) for x in (momentum, decay, learning_rate)]
        self.elementwise("momentum_step", (), w.size, *arrays, velocity, weights, w.size, *numbers)
        return velocity, weights
