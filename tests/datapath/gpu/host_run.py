"""Runs the CUDA C sources on a CPU: compiled by the host's C++ compiler, one thread after another.

The sources are those of ``accelsim.datapath.kernels.gpu.source``, to the letter; ``host.h`` stands in for CUDA.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.datapath.kernels.gpu.source import KERNELS, source_of

HEADER = Path(__file__).parent / "host.h"
FLAGS = ("-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-ffp-contract=off", "-fwrapv")


def compiler() -> str | None:
    """The host's C++ compiler, or None."""
    return next((found for name in ("g++", "clang++") if (found := shutil.which(name))), None)


class HostLauncher:
    """Launches kernels on NumPy arrays, or on arrays that ``inside`` takes out of their wrapper."""

    def __init__(self, folder: Path, inside: Any = lambda x: x) -> None:
        self.folder, self.inside = folder, inside
        self.libraries: dict[str, ctypes.CDLL] = {}
        self.launched: set[str] = set()
        self.backwards = False

    def __call__(
        self, name: str, parameters: Any, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any]
    ) -> None:
        self.launched.add(name)
        function = getattr(self._library(name, parameters), f"launch_{name}")
        held = [_held(self.inside(x)) for x in arguments]
        places = (ctypes.c_void_p * len(held))(*[ctypes.addressof(x) for x in held])
        sizes = [(ctypes.c_uint * 3)(*size, *[1] * (3 - len(size))) for size in (grid, block)]
        function(*sizes, places, int(self.backwards))

    def _library(self, name: str, parameters: Any) -> ctypes.CDLL:
        """All kernels of a file for some types, compiled once."""
        file = KERNELS[name].file
        key = "-".join([Path(file).stem, *(str(value) for _, value in parameters)])
        if key not in self.libraries:
            source, library = self.folder / f"{key}.cpp", self.folder / f"{key}.so"
            text = source_of(name, parameters)
            barriers = str("__syncthreads" in text).lower()
            entries = "".join(_entry(other, barriers) for other, kernel in KERNELS.items() if kernel.file == file)
            source.write_text(f'#include "{self._header().name}"\n{text}\n{entries}', encoding="utf-8")
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
        f'extern "C" void launch_{name}(const unsigned* grid, const unsigned* block, void** arguments, '
        f"int backwards)\n{{ run({name}, grid, block, arguments, {barriers}, backwards); }}\n"
    )


def _held(x: Any) -> Any:
    """A number or pointer of eight bytes, in memory."""
    if isinstance(x, np.ndarray):
        if not x.flags.c_contiguous:
            raise TypeError("a kernel got an array that is not in row-major order")
        return ctypes.c_void_p(x.ctypes.data)
    return ctypes.c_double(x) if isinstance(x, float) else ctypes.c_longlong(x or 0)
