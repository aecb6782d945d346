"""What the GPU backend's tests share: a strict stand-in for CuPy, the kernels on the CPU, a GPU where there is one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from accelsim.datapath.kernels.gpu import CudaKernels


def _beside(name: str) -> ModuleType:
    """A module of this folder, which is no package."""
    full = f"accelsim_gpu_tests_{name}"
    if full not in sys.modules:
        spec = spec_from_file_location(full, Path(__file__).parent / f"{name}.py")
        if spec is None or spec.loader is None:
            raise ImportError(name)
        module = sys.modules[full] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture
def strict() -> ModuleType:
    """A stand-in for the cupy module that refuses mixing device arrays with NumPy's."""
    return _beside("strict").StrictModule()


@pytest.fixture(scope="session")
def host_launcher(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Launches the CUDA kernels on the CPU, on NumPy's arrays and on the stand-in's.

    Skipped where no C++ compiler is found. Where the environment's ``KERNELS_ON`` is gpu, they run on a GPU instead, on
    copies of the arrays.
    """
    check, bare = _beside("arguments").check, _beside("strict").bare
    if os.environ.get("KERNELS_ON") == "gpu":
        return _beside("device_run").on_cupy(check, bare)
    host = _beside("host_run")
    if host.compiler() is None:
        pytest.skip("no C++ compiler (g++ or clang++) to run the CUDA sources on the CPU")
    return host.HostLauncher(tmp_path_factory.mktemp("cuda"), check, bare)


@pytest.fixture(scope="session")
def copying_launcher(host_launcher: object) -> object:
    """What runs the tests' kernels on a GPU, with the CPU in the GPU's place."""
    module = _beside("device_run")
    return module.DeviceLauncher(host_launcher, np.array, np.array, _beside("arguments").check, lambda x: x)


@pytest.fixture(scope="session")
def device(host_launcher: object) -> object:
    """A context that gives the CUDA kernels, on NumPy arrays, of a device of some compute capability (times ten).

    ``backwards``: whether the last of a block's threads takes its turn first.
    """

    @contextmanager
    def playing(capability: int, backwards: bool = False) -> Iterator[CudaKernels]:
        before = host_launcher.capability, host_launcher.backwards
        host_launcher.capability, host_launcher.backwards = capability, backwards
        try:
            yield CudaKernels(np, host_launcher)
        finally:
            host_launcher.capability, host_launcher.backwards = before

    return playing


@pytest.fixture(params=[False, True], ids=["first thread first", "last thread first"])
def cuda(request: pytest.FixtureRequest, device: object) -> Iterator[object]:
    """The CUDA kernels of a device without tensor cores, in both orders in which a block's threads may take turns."""
    with device(61, request.param) as kernels:
        yield kernels


@pytest.fixture(scope="session")
def nvrtc() -> ModuleType:
    """NVRTC from NVIDIA's wheel; skipped where that is not installed."""
    module = _beside("nvrtc")
    if module.library() is None:
        pytest.skip("no NVRTC (pip install nvidia-cuda-nvrtc-cu12) to compile the CUDA sources")
    return module


@pytest.fixture
def host_cuda(host_launcher: object) -> CudaKernels:
    """The CUDA kernels on NumPy arrays."""
    return CudaKernels(np, host_launcher)
