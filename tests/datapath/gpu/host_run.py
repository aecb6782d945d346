"""Runs the CUDA C sources on a CPU: compiled by the host's C++ compiler, one thread after another.

The sources are those of ``accelsim.datapath.kernels.gpu.source``, to the letter; ``host.h`` stands in for CUDA.
"""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.datapath.kernels.gpu.source import KERNELS, source_of

HEADER = Path(__file__).parent / "host.h"
FLAGS = ("-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-ffp-contract=off", "-fwrapv", "-U_FORTIFY_SOURCE")
"""Fortified sources refuse jumps from stack to stack."""

LIBC = ctypes.CDLL(None)


def compiler() -> str | None:
    """The host's C++ compiler, or None."""
    return next((found for name in ("g++", "clang++") if (found := shutil.which(name))), None)


class Fenced:
    """A copy of an array that starts at 16 bytes and ends where memory that nobody may touch begins.

    Whoever reads or writes past its end, by more than its last 16 bytes lack, ends the process with a fault.
    """

    def __init__(self, array: Any) -> None:
        if not array.flags.c_contiguous:
            raise TypeError("a kernel got an array that is not in row-major order")
        if array.ctypes.data % array.itemsize and array.nbytes:
            raise TypeError("a kernel got an array that does not start where its elements may")
        self.array, page = array, mmap.PAGESIZE
        room = -(-array.nbytes // page) * page
        self.memory = mmap.mmap(-1, room + page)
        end = ctypes.addressof(ctypes.c_char.from_buffer(self.memory)) + room
        self.address = end - -(-array.nbytes // 16) * 16
        if LIBC.mprotect(ctypes.c_void_p(end), ctypes.c_size_t(page), 0):
            raise OSError("mprotect")
        ctypes.memmove(self.address, array.ctypes.data, array.nbytes)

    def bring_back(self) -> None:
        """What the kernel wrote."""
        if self.array.flags.writeable:
            ctypes.memmove(self.array.ctypes.data, self.address, self.array.nbytes)


class HostLauncher:
    """Launches kernels on NumPy arrays, or on arrays that ``inside`` takes out of their wrapper.

    It plays a device of any ``capability``; ``backwards`` lets the last thread of a block run first. ``check`` refuses
    what a device would not take (``arguments.py``).
    """

    def __init__(self, folder: Path, check: Callable[..., None], inside: Any = lambda x: x) -> None:
        self.folder, self.check, self.inside = folder, check, inside
        self.libraries: dict[str, ctypes.CDLL] = {}
        self.launched: set[str] = set()
        self.backwards = False
        self.capability = 80

    def __call__(
        self, name: str, parameters: Any, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any]
    ) -> None:
        self.launched.add(name)
        self.check(name, parameters, grid, block, [self.inside(x) for x in arguments])
        self.run(self._library(name, parameters), name, grid, block, arguments)

    def address(self, x: Any) -> int:
        return int(self.inside(x).ctypes.data)

    def run(
        self, library: ctypes.CDLL, name: str, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any]
    ) -> None:
        """A kernel of a library of ``compiled``."""
        function = getattr(library, f"launch_{name}")
        bare = [self.inside(x) for x in arguments]
        arrays = [Fenced(x) if isinstance(x, np.ndarray) else None for x in bare]
        held = [_held(x if fenced is None else fenced.address) for x, fenced in zip(bare, arrays, strict=True)]
        places = (ctypes.c_void_p * len(held))(*[ctypes.addressof(x) for x in held])
        sizes = [(ctypes.c_uint * 3)(*size, *[1] * (3 - len(size))) for size in (grid, block)]
        if not function(*sizes, places, int(self.backwards)):
            raise RuntimeError(f"{name}: the lanes of a warp part before a product of all of them")
        for fenced in arrays:
            if fenced is not None:
                fenced.bring_back()

    def _library(self, name: str, parameters: Any) -> ctypes.CDLL:
        """All kernels of a file for some types, compiled once."""
        file, text = KERNELS[name].file, source_of(name, parameters)
        architecture = 10 * self.capability if "__CUDA_ARCH__" in text else 0
        key = "-".join([Path(file).stem, *(str(value) for _, value in parameters), str(architecture)])
        names = [other for other, kernel in KERNELS.items() if kernel.file == file]
        return self.libraries.get(key) or self.compiled(key, text, names)

    def compiled(self, key: str, text: str, names: Sequence[str]) -> ctypes.CDLL:
        """A library of CUDA C with an entry for each kernel named."""
        source, library = self.folder / f"{key}.cpp", self.folder / f"{key}.so"
        head = f'#include "{self._header().name}"\n#define __CUDA_ARCH__ {10 * self.capability}\n'
        barriers = str("__syncthreads" in text or "WARP_PRODUCTS" in text).lower()
        entries = "".join(_entry(name, barriers) for name in names)
        source.write_text(f"{head}{text}\n{entries}", encoding="utf-8")
        subprocess.run([str(compiler()), *FLAGS, str(source), "-o", str(library)], check=True)
        self.libraries[key] = ctypes.CDLL(str(library))
        return self.libraries[key]

    def _header(self) -> Path:
        """``host.h`` beside the sources, precompiled: its standard headers take longer than any kernel."""
        header = self.folder / HEADER.name
        if not header.exists():
            shutil.copy(HEADER, header)
            command = [str(compiler()), *FLAGS, "-x", "c++-header", str(header), "-o", f"{header}.gch"]
            subprocess.run(command, check=True)
        return header


def _entry(name: str, barriers: str) -> str:
    return (
        f'extern "C" int launch_{name}(const unsigned* grid, const unsigned* block, void** arguments, '
        f"int backwards)\n{{ return run({name}, grid, block, arguments, {barriers}, backwards); }}\n"
    )


def _held(x: Any) -> Any:
    """A number or pointer of eight bytes, in memory."""
    return ctypes.c_double(x) if isinstance(x, float) else ctypes.c_longlong(x or 0)
