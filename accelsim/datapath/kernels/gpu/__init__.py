"""GPU backend: CUDA kernels and cuBLAS for what must be fast, the portable set on CuPy for the rest.

``CudaKernels`` asks for an array library and something that launches kernels, so that all of it runs without a GPU
where both are stand-ins; ``cupy_kernels.CupyKernels`` gives it CuPy.
"""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels.gpu.fetched import CudaFetched
from accelsim.datapath.kernels.gpu.launch import Launcher
from accelsim.datapath.kernels.gpu.norm import CudaNorm
from accelsim.datapath.kernels.gpu.products import CudaProducts
from accelsim.datapath.kernels.gpu.rounding import CudaRounding
from accelsim.datapath.kernels.gpu.update import CudaUpdate
from accelsim.datapath.kernels.gpu.vector import CudaVector

__all__ = ["CudaKernels"]


class CudaKernels(CudaFetched, CudaRounding, CudaNorm, CudaProducts, CudaUpdate, CudaVector):
    """Same bits as ``NumpyKernels``, on arrays of ``xp``."""

    name = "gpu"

    def __init__(self, xp: Any, launch: Launcher) -> None:
        super().__init__()
        self.xp, self.launch = xp, launch
