"""What reaches CUDA: code that flushes nothing, arguments at their widths, sizes that a device launches."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.gpu import CudaKernels, launch
from accelsim.datapath.kernels.gpu.machine_code import machine_code
from accelsim.datapath.kernels.gpu.source import KERNELS, OPTIONS, source_of
from accelsim.formats import integer

BYTES, WIDE = Carrier.of(integer(8), integer(8)), Carrier.of(integer(8), integer(16))


class _Compiler:
    """CuPy's binding of NVRTC, without NVRTC."""

    class NVRTCError(RuntimeError):
        pass

    def __init__(self, archs=(75, 80, 90, 100)):
        self.archs, self.options, self.destroyed = archs, [], 0

    def getSupportedArchs(self):  # noqa: N802
        return self.archs

    def getVersion(self):  # noqa: N802
        return (12, 9)

    def createProgram(self, source, name, headers, include_names):  # noqa: N802
        assert headers == include_names == ()
        return (source, name)

    def compileProgram(self, program, options):  # noqa: N802
        self.options.append(options)
        if "mistake" in program[0]:
            raise self.NVRTCError("NVRTC_ERROR_COMPILATION (6)")

    def getProgramLog(self, program):  # noqa: N802
        return f"{program[1]}(1): error"

    def getCUBIN(self, program):  # noqa: N802
        return b"own code"

    def getPTX(self, program):  # noqa: N802
        return b"ptx"

    def destroyProgram(self, program):  # noqa: N802
        self.destroyed += 1


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Where compiled code is kept."""
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_compiled_once_for_a_device(folder):
    compiler = _Compiler()
    for _ in range(2):
        assert machine_code(compiler, 90, "add.cu", "source") == b"own code"
    assert compiler.options == [(*OPTIONS, "--gpu-architecture=sm_90")]
    assert compiler.destroyed == 1
    assert machine_code(compiler, 80, "add.cu", "source") == b"own code"
    assert machine_code(compiler, 80, "add.cu", "another source") == b"own code"
    assert len(compiler.options) == len(list(folder.glob("accelsim-*.cubin"))) == 3


def test_a_device_that_the_compiler_does_not_know():
    """Its driver compiles PTX of the newest architecture that it understands."""
    compiler = _Compiler()
    assert machine_code(compiler, 103, "add.cu", "source") == b"ptx"
    assert machine_code(compiler, 89, "add.cu", "source") == b"ptx"
    assert [options[-1] for options in compiler.options] == [
        "--gpu-architecture=compute_100",
        "--gpu-architecture=compute_80",
    ]


def test_a_folder_that_cannot_be_written_to(folder):
    folder.write_text("a file in its place")
    assert machine_code(_Compiler(), 90, "add.cu", "source") == b"own code"


def test_a_mistake_is_told_in_the_compilers_words():
    compiler = _Compiler()
    with pytest.raises(RuntimeError, match=r"add\.cu\(1\): error"):
        machine_code(compiler, 90, "add.cu", "a mistake")
    assert compiler.destroyed == 1


@pytest.mark.parametrize("name", ["momentum_step", "multiply_add", "moved", "floats", "quantise"])
def test_the_smallest_floats_are_kept(nvrtc, name):
    """No instruction that turns float32 below 2**-126 into zeros, which CuPy's own compilation asks for."""
    parameters = next(p for p in KERNELS[name].variants() if not p or ("X", "float32") in p)
    options = (*OPTIONS, "--gpu-architecture=sm_90")
    found, flushing = (
        nvrtc.compiled(nvrtc.library(), source_of(name, parameters), (*options, *more))[0].count(".ftz")
        for more in ((), ("-ftz=true",))
    )
    assert found == 0 < flushing


def test_the_smallest_floats_are_numpys(host_cuda):
    tiny = np.array([1e-45, -3e-42, 1.1e-38, 0.0, 2e-38], dtype=np.float32)
    numbers = [np.float32(x) for x in (0.9, 0.01, 0.5)]
    for call in (
        lambda k: k.momentum_step(tiny, tiny[::-1], tiny, *numbers),
        lambda k: (k.multiply_add(tiny, numbers[0], tiny[::-1]),),
    ):
        for found, expected in zip(call(host_cuda), call(NumpyKernels()), strict=True):
            np.testing.assert_array_equal(found.view("int32"), expected.view("int32"))


def test_arguments_reach_cuda_at_their_widths(monkeypatch):
    """Eight bytes each: CuPy passes a NumPy number at its own width."""
    calls = []
    kernel = lambda *call: calls.append(call)  # noqa: E731
    module = SimpleNamespace(load=lambda code: None, get_function=lambda name: kernel)
    cuda = SimpleNamespace(
        Device=lambda: SimpleNamespace(compute_capability="90"),
        function=SimpleNamespace(Module=lambda: module),
        nvrtc=_Compiler(),
    )
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=cuda))
    for cached in (launch._function, launch._module):
        cached.cache_clear()
    array = np.zeros(3)
    numbers = (None, 7, True, np.int32(-1), np.uint8(2), 0.5, np.float32(0.25))
    launch.CupyLauncher()("add", (("X", "int8"), ("Y", "int8")), (1,), (256,), (array, *numbers))
    for cached in (launch._function, launch._module):
        cached.cache_clear()
    ((grid, block, passed),) = calls
    assert (grid, block) == ((1,), (256,))
    assert passed[0] is array
    assert [x.dtype for x in passed[1:]] == ["int64"] * 5 + ["float64"] * 2
    assert [x.item() for x in passed[1:]] == [0, 7, 1, -1, 2, 0.5, 0.25]
    with pytest.raises(OverflowError):
        launch._passed(2**63)


WRONG = {
    "an int for a double": (np.zeros(1, "int32"), np.zeros(1, "float32"), 1, None, 0, 1),
    "a double for an int": (np.zeros(1, "int32"), np.zeros(1, "float32"), 1.0, None, 0, 1.0),
    "narrow scales": (np.zeros(1, "int32"), np.zeros(1, "float32"), 1, np.zeros(1, "float32"), 1, 0.0),
    "codes of another type": (np.zeros(1, "int8"), np.zeros(1, "float32"), 1, None, 0, 1.0),
    "one too few": (np.zeros(1, "int32"), np.zeros(1, "float32"), 1, None, 0),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_the_stand_in_refuses_other_widths(host_launcher, arguments):
    with pytest.raises(TypeError, match="floats"):
        host_launcher("floats", (("X", "int32"),), (1,), (256,), arguments)


@pytest.mark.parametrize(("grid", "block"), [((1, 65536), (32,)), ((1,), (1025,)), ((0,), (32,)), ((1,), (32, 64))])
def test_the_stand_in_refuses_sizes_that_no_device_launches(host_launcher, grid, block):
    with pytest.raises(ValueError, match="no device launches"):
        host_launcher("relu", (("X", "int8"), ("Y", "int8")), grid, block, (np.zeros(1, "int8"),) * 2 + (1,))


@pytest.mark.parametrize("offset", [1, 4, 8])
def test_a_part_of_an_array_is_copied_to_where_loads_may_begin(device, rng, offset):
    """In row-major order, and still not where a device loads several codes at once; a fence would refuse it."""
    shape = (2, 16, 16, 16)
    flat = rng.integers(-128, 128, offset + np.prod(shape)).astype(np.int8)
    x, w = flat[offset:].reshape(shape), rng.integers(-128, 128, (16, 3, 3, 16)).astype(np.int8)
    g = rng.integers(-(2**15), 2**15, offset + np.prod(shape)).astype(np.int16)[offset:].reshape(shape)
    way = (1, 1), (1, 1)
    for capability in (61, 80):
        with device(capability) as kernels:
            assert kernels.launch.address(x) % 16
            found = kernels.conv2d(x, w, *way, BYTES), kernels.conv2d_backward_weights(x, g, (3, 3), *way, WIDE)
        numpy = NumpyKernels()
        expected = numpy.conv2d(x, w, *way, BYTES), numpy.conv2d_backward_weights(x, g, (3, 3), *way, WIDE)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other.astype(np.int64))


def test_a_launcher_on_copies_brings_back_what_was_written(copying_launcher, rng):
    """As the tests of kernels run on a GPU."""
    x = rng.integers(-128, 128, (40, 7)).astype(np.int8)
    kernels = CudaKernels(np, copying_launcher)
    np.testing.assert_array_equal(kernels.relu(x), np.maximum(x, 0))
    assert kernels.largest_magnitude(x) == np.abs(x.astype(int)).max()
    assert copying_launcher.launched == {"relu", "largest_magnitude"}
    with pytest.raises(TypeError, match="relu takes 3"):
        copying_launcher("relu", (("X", "int8"), ("Y", "int8")), (1,), (32,), (x, x))
