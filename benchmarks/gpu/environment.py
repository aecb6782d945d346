"""What a GPU computer has: card, driver, CuPy, its compiler and libraries. Nothing that is missing stops the rest."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("accelsim", "numpy", "numba", "cupy-cuda12x", "cupy-cuda13x", "torch", "pydantic", "pytest", "hypothesis")


def card() -> str:
    if shutil.which("nvidia-smi") is None:
        return "nvidia-smi is not on the path"
    return subprocess.run(["nvidia-smi"], check=False, capture_output=True, text=True, timeout=30).stdout


def packages() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} -")
    return f"Python {platform.python_version()}; " + ", ".join(found)


def cupys_view() -> str:
    import cupy

    runtime, nvrtc = cupy.cuda.runtime, cupy.cuda.nvrtc
    lines = [
        f"devices {runtime.getDeviceCount()}",
        f"driver {runtime.driverGetVersion()}, runtime {runtime.runtimeGetVersion()}",
        f"compute capability {cupy.cuda.Device().compute_capability}",
        f"NVRTC {nvrtc.getVersion()} for {nvrtc.getSupportedArchs()}",
        f"bytes free and in all {runtime.memGetInfo()}",
        f"cuBLAS {cupy.cuda.cublas.getVersion(cupy.cuda.device.get_cublas_handle())}",
    ]
    return "\n".join(lines)


def product_of_cupy() -> str:
    """CuPy's own kernels need CUDA's headers, its products cuBLAS."""
    import cupy

    x = cupy.arange(6, dtype="float64").reshape(2, 3)
    return f"x @ x.T = {(x @ x.T + 1).tolist()}; 6.0 15.0 / 15.0 51.0 are right"


def main() -> None:
    parts: list[Callable[[], str]] = [card, packages, cupys_view, product_of_cupy]
    for part in parts:
        print(f"== {part.__name__}")
        try:
            print(part())
        except Exception as error:
            print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
