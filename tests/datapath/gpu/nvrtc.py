"""NVRTC, the compiler that CuPy calls, through ctypes: it needs no GPU and no driver, only NVIDIA's wheel."""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def library() -> Any:
    """The compiler's library from the wheel nvidia-cuda-nvrtc-cu12, or nvidia-cuda-nvrtc of CUDA 13; or None."""
    try:
        specs = [find_spec("nvidia.cuda_nvrtc"), find_spec("nvidia.cu13")]
    except ModuleNotFoundError:
        return None
    places = [Path(place) / "lib" for spec in specs if spec for place in spec.submodule_search_locations or ()]
    found = [path for place in places for path in sorted(place.glob("libnvrtc.so.*"))]
    return ctypes.CDLL(str(found[0])) if found else None


def compiled(nvrtc: Any, source: str, options: tuple[str, ...]) -> tuple[str, str]:
    """PTX of ``source`` and the compiler's log.

    Raises:
        RuntimeError: it does not compile; the message is the log.
    """
    program = ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None))
    try:
        words = [option.encode() for option in options]
        status = nvrtc.nvrtcCompileProgram(program, len(words), (ctypes.c_char_p * len(words))(*words))
        log = _text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
        if status:
            raise RuntimeError(log)
        return _text(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program), log
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _text(size_of: Any, get: Any, program: Any) -> str:
    size = ctypes.c_size_t()
    _check(size_of(program, ctypes.byref(size)))
    text = ctypes.create_string_buffer(size.value)
    _check(get(program, text))
    return text.value.decode()


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"NVRTC status {status}")
