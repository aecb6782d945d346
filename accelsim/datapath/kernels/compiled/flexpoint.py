"""Flexpoint codes, compiled: one pass that also finds the largest of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.loops import clamp, magnitude


@compiled
def write(x: Any, out: Any, scale: float, unit: float, low: float, high: float) -> Any:
    """x times ``scale``, then ``unit`` (a power of two), each in double precision, to the nearest code, ties to even.

    Returns the largest magnitude of the codes. Values are finite; they saturate at ``low`` and ``high``.
    """
    highest, lowest = np.int32(0), np.int32(0)
    for i in range(x.size):
        code = np.int32(clamp(np.rint(np.float64(x[i]) * scale * unit), low, high))
        out[i] = code
        highest, lowest = max(highest, code), min(lowest, code)
    return magnitude(highest, lowest)
