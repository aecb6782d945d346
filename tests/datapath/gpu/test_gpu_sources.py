"""Every CUDA kernel compiles, for every combination of types that it may meet, with the compiler that CuPy calls."""

from __future__ import annotations

import re

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
    options = (*OPTIONS, f"--gpu-architecture={architecture}", "--ptxas-options=-v")
    ptx, log = nvrtc.compiled(nvrtc.library(), source_of(name, parameters), options)
    # What the assembler says, and no warning: nothing is kept in memory for want of registers or for an index.
    assert set(re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores", log)) == {("0", "0")}
    assert all(line.startswith(("ptxas info", "ptxas   ")) for line in log.strip("\0\n ").split("\n"))
    assert all(f".entry {other}(" in ptx for other, kernel in KERNELS.items() if kernel.file == KERNELS[name].file)
    # A fused multiply-add would round once where a CPU rounds twice; the smallest float32 are no zeros.
    assert "fma." not in ptx
    assert ".ftz" not in ptx


@pytest.mark.parametrize(("name", "parameters"), list(_sources(all_variants=False)))
def test_sources_compile(nvrtc, name, parameters):
    _compiles(nvrtc, name, parameters, OLDEST)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [OLDEST, NEWEST])
@pytest.mark.parametrize(("name", "parameters"), list(_sources(all_variants=True)))
def test_every_variant_compiles(nvrtc, name, parameters, architecture):
    _compiles(nvrtc, name, parameters, architecture)


STEPS = {"sm_75": "m8n8k16", "sm_80": "m16n8k32", "sm_90": "m16n8k32"}
"""The largest products of bytes on tensor cores."""
TYPES = {"convolve_mma": {"s8"}, "weight_gradient_mma": {"s8", "u8"}}
"""Of the first factor; the second is s8."""


def _uses_tensor_cores(nvrtc, name, parameters, architecture):
    options = (*OPTIONS, f"--gpu-architecture={architecture}", "--ptxas-options=-v")
    ptx, log = nvrtc.compiled(nvrtc.library(), source_of(name, parameters), options)
    found = re.findall(r"mma\.sync\.aligned\.(\w+)\.row\.col\.s32\.(\w+)\.s8\.s32", ptx)
    assert set(found) == {(STEPS[architecture], kind) for kind in TYPES[name]}
    assert len(found) == ptx.count("mma.sync")
    assert "dp4a" not in ptx
    # What the assembler says: nothing is kept in memory for want of registers.
    assert re.search(r"\b0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads", log)
    assert int(re.search(r"Used (\d+) registers", log)[1]) <= 65536 // 256
    assert int(re.search(r"(\d+) bytes smem", log)[1]) <= 48 << 10


@pytest.mark.parametrize("architecture", ["sm_75", "sm_80"])
@pytest.mark.parametrize("name", TYPES)
def test_tensor_cores_are_used(nvrtc, name, architecture):
    _uses_tensor_cores(nvrtc, name, list(KERNELS[name].variants())[-1], architecture)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", STEPS)
@pytest.mark.parametrize(
    ("name", "parameters"), [(name, parameters) for name in TYPES for parameters in KERNELS[name].variants()]
)
def test_tensor_cores_are_used_by_every_variant(nvrtc, name, parameters, architecture):
    _uses_tensor_cores(nvrtc, name, parameters, architecture)


def test_a_mistake_is_reported(nvrtc):
    with pytest.raises(RuntimeError, match=r"add\.cu\(\d+\): error"):
        nvrtc.compiled(nvrtc.library(), source_of("add", (("X", "int8"),)), OPTIONS)


def test_every_file_has_a_kernel():
    files = {path.name for path in FOLDER.glob("*.cu")}
    assert files == {kernel.file for kernel in KERNELS.values()}
    for name, kernel in KERNELS.items():
        assert f"KERNEL {name}(" in (FOLDER / kernel.file).read_text(encoding="utf-8")
