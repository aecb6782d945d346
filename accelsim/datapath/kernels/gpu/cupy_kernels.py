"""The kernels on a real GPU, through CuPy."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from accelsim.datapath.kernels import Memory
from accelsim.datapath.kernels.gpu import CudaKernels, cublas
from accelsim.datapath.kernels.gpu.launch import CupyLauncher

INSTALL = "pip install 'accelsim[gpu]' on a computer with an NVIDIA GPU and its driver"


class CupyKernels(CudaKernels):
    """On the current CUDA device; cuBLAS for products of bytes."""

    def __init__(self) -> None:
        import cupy

        super().__init__(cupy, CupyLauncher())
        self.bytes = cublas.on_cupy()

    def byte_product(self, a: Any, b: Any) -> Any:
        return self.bytes.product(a, b)

    def wide_product(self, a: Any, b: Any) -> Any:
        return self.bytes.wide_product(a, b)

    def memory(self) -> Memory:
        free, total = self.xp.cuda.runtime.memGetInfo()
        return Memory(free + self.xp.get_default_memory_pool().free_bytes(), total)


def missing() -> str | None:
    """Why no GPU can be used, in words for the user; None where one can."""
    if find_spec("cupy") is None:
        return "CuPy is not installed"
    try:
        import cupy

        devices = cupy.cuda.runtime.getDeviceCount()
    except (ImportError, OSError, RuntimeError) as error:  # CuPy's CUDA errors are RuntimeErrors
        reason = str(error).strip().split("\n", 1)[0]
        return f"CuPy found no CUDA device ({reason})"
    return None if devices else "CuPy found no CUDA device"


def device_name() -> str:
    """What the current device calls itself."""
    import cupy

    name = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"]
    return str(name.decode() if isinstance(name, bytes) else name)
