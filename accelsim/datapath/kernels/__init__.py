"""Interchangeable kernels: the portable NumPy set; a backend subclasses it and overrides what it makes faster."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath.kernels.accumulate_float import FloatAccumulatorKernels
from accelsim.datapath.kernels.attention import AttentionKernels
from accelsim.datapath.kernels.grouped import GroupedKernels
from accelsim.datapath.kernels.norm import NormKernels
from accelsim.datapath.kernels.norm_float import FloatNormKernels
from accelsim.datapath.kernels.philox import RandomStream
from accelsim.datapath.kernels.product import Carrier
from accelsim.datapath.kernels.softmax import SoftmaxKernels
from accelsim.datapath.kernels.update import UpdateKernels
from accelsim.datapath.kernels.vector import VectorKernels

__all__ = ["Carrier", "Kernels", "Memory", "NumpyKernels", "RandomStream"]


class Memory(NamedTuple):
    """Bytes of a device's memory that are free, and all of them."""

    free_bytes: int
    total_bytes: int


class Kernels(
    FloatAccumulatorKernels,
    AttentionKernels,
    NormKernels,
    FloatNormKernels,
    GroupedKernels,
    VectorKernels,
    SoftmaxKernels,
    UpdateKernels,
):
    """Everything that the interpreter asks of an array library; ``xp`` is the library."""

    name: str
    xp: Any

    def memory(self) -> Memory | None:
        """The memory of the device that holds the arrays; None where it is this computer's own."""
        return None


class NumpyKernels(Kernels):
    """Portable CPU backend: BLAS for products, NumPy for the rest."""

    name = "numpy"
    xp = np
