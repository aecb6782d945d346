"""Every CUDA kernel compiles, for every combination of types that it may meet, with the compiler that CuPy calls."""

from __future__ import annotations

import pytest

from accelsim.datapath.kernels.gpu.source import FOLDER, KERNELS, OPTIONS, source_of

OLDEST, NEWEST = "sm_75", "sm_90"
"""__dp4a needs compute capability 6.1."""


def _sources(*, all_variants):
    """(kernel, parameters) with one kernel a file; otherwise each value of each parameter turns up at least once."""
    for file in sorted({kernel.file for kernel in KERNELS.values()}):
        name = next(name for name, kernel in KERNELS.items() if kernel.file == file)
        seen = set()
        for parameters in KERNELS[name].variants():
            if all_variants or not parameters or not set(parameters) <= seen:
                seen |= set(parameters)
                yield pytest.param(name, parameters, id="-".join([file, *(str(value) for _, value in parameters)]))


def _compiles(nvrtc, name, parameters, architecture):
    options = (*OPTIONS, f"--gpu-architecture={architecture}")
    ptx, log = nvrtc.compiled(nvrtc.library(), source_of(name, parameters), options)
    assert not log.strip("\0\n ")
    assert all(f".entry {other}(" in ptx for other, kernel in KERNELS.items() if kernel.file == KERNELS[name].file)
    # A fused multiply-add would round once where a CPU rounds twice.
    assert "fma." not in ptx


@pytest.mark.parametrize(("name", "parameters"), list(_sources(all_variants=False)))
def test_sources_compile(nvrtc, name, parameters):
    _compiles(nvrtc, name, parameters, OLDEST)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [OLDEST, NEWEST])
@pytest.mark.parametrize(("name", "parameters"), list(_sources(all_variants=True)))
def test_every_variant_compiles(nvrtc, name, parameters, architecture):
    _compiles(nvrtc, name, parameters, architecture)


def test_a_mistake_is_reported(nvrtc):
    with pytest.raises(RuntimeError, match=r"add\.cu\(\d+\): error"):
        nvrtc.compiled(nvrtc.library(), source_of("add", (("X", "int8"),)), OPTIONS)


def test_every_file_has_a_kernel():
    files = {path.name for path in FOLDER.glob("*.cu")}
    assert files == {kernel.file for kernel in KERNELS.values()}
    for name, kernel in KERNELS.items():
        assert f"KERNEL {name}(" in (FOLDER / kernel.file).read_text(encoding="utf-8")
