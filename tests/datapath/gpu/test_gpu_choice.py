"""Where to train: asked for, found by itself, or refused with what was looked for."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from accelsim.cli import main
from accelsim.datapath import choose_kernels
from accelsim.datapath.kernels.gpu import CudaKernels, cupy_kernels, self_check
from accelsim.errors import UserError


def _without_gpu(monkeypatch, reason="CuPy is not installed"):
    monkeypatch.setattr(cupy_kernels, "missing", lambda: reason)


def _with_gpu(monkeypatch, kernels):
    monkeypatch.setattr(cupy_kernels, "missing", lambda: None)
    monkeypatch.setattr(cupy_kernels, "device_name", lambda: "Some GPU")
    monkeypatch.setattr(cupy_kernels, "CupyKernels", lambda: kernels)


def test_without_a_gpu_the_cpu_trains(monkeypatch):
    _without_gpu(monkeypatch)
    assert choose_kernels().name == choose_kernels(device="cpu").name == "compiled"
    with pytest.raises(UserError, match=r"no GPU to train on: CuPy is not installed; pip install 'accelsim\[gpu\]'"):
        choose_kernels(device="gpu")


def test_a_gpu_is_taken_and_said(monkeypatch, host_cuda):
    _with_gpu(monkeypatch, host_cuda)
    said = []
    assert choose_kernels(say=said.append) is host_cuda
    assert said == ["trains on the GPU Some GPU; --device cpu gives the same bits"]
    assert choose_kernels(device="gpu") is host_cuda
    assert choose_kernels("numpy").name == "numpy"
    assert choose_kernels(device="cpu").name == "compiled"


class _Faulty(CudaKernels):
    """A device whose GEMM is wrong, as some cuBLAS versions' were."""

    def byte_product(self, a, b):
        return super().byte_product(a, b) + 1


def test_a_gpu_that_computes_other_bits_is_left_alone(monkeypatch, host_launcher):
    _with_gpu(monkeypatch, _Faulty(np, host_launcher))
    said = []
    assert choose_kernels(say=said.append).name == "compiled"
    assert said == [
        "Some GPU does not compute the bits of the CPU in its self-check (products); trains on the CPU",
    ]
    with pytest.raises(UserError, match=r"self-check \(products\); give device cpu"):
        choose_kernels(device="gpu")


@pytest.mark.parametrize("error", [ImportError("no libcublas\nlooked in /usr"), RuntimeError("no kernel image")])
def test_a_gpu_that_breaks_in_its_self_check_is_left_alone(monkeypatch, host_launcher, error):
    """A library that is missing, a driver that is older than the compiler: no traceback."""

    class Broken(CudaKernels):
        def byte_product(self, a, b):
            raise error

    _with_gpu(monkeypatch, Broken(np, host_launcher))
    said, first = [], str(error).split("\n")[0]
    assert choose_kernels(say=said.append).name == "compiled"
    assert said == [f"Some GPU fails its self-check ({type(error).__name__}: {first}); trains on the CPU"]
    with pytest.raises(UserError, match=rf"{first}\); give device cpu"):
        choose_kernels(device="gpu")


def test_self_check_finds_nothing_wrong_with_the_sources(host_cuda):
    assert self_check.differing(host_cuda) == []


def test_names_that_do_not_exist():
    with pytest.raises(UserError, match="did you mean 'gpu'"):
        choose_kernels(device="gpus")
    with pytest.raises(UserError, match="backend numpy computes on the CPU"):
        choose_kernels("numpy", "gpu")


@pytest.mark.parametrize("count", [0, RuntimeError("CUDA driver version is insufficient")])
def test_cupy_without_a_device(monkeypatch, count):
    def devices():
        if isinstance(count, Exception):
            raise count
        return count

    runtime = SimpleNamespace(getDeviceCount=devices)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime), __spec__=object()))
    assert "CuPy found no CUDA device" in cupy_kernels.missing()


def test_command_line(monkeypatch, capsys, root, tmp_path):
    """Exit code 2, one message, nothing written."""
    _without_gpu(monkeypatch)
    files = str(root / "hwconfigs" / "fp32.yaml"), str(root / "workloads" / "digits_cnn.yaml")
    folder = tmp_path / "run"
    monkeypatch.setattr(sys, "argv", ["accelsim", "simulate", *files, "--device", "gpu", "--out", str(folder)])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("error: no GPU to train on: CuPy is not installed")
    assert not folder.exists()
