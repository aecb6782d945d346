"""Machine code of the CUDA sources for the current device: by NVRTC, CuPy's binding of it, and kept between runs.

CuPy's own ``RawModule`` is not asked, for it compiles with ``-ftz=true``: float32 below 2**-126 would become zeros, and
NVRTC refuses a second word on that.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from accelsim.atomic import write_atomically
from accelsim.datapath.kernels.gpu.source import OPTIONS
from accelsim.errors import UserError


def machine_code(nvrtc: Any, capability: int, file: str, source: str) -> bytes:
    """For a device of ``capability`` (times ten): its own code, or PTX, which its driver compiles, where ``nvrtc`` is
    older than the device.

    Raises:
        RuntimeError: it does not compile; the message is the compiler's.
    """
    newest = max((arch for arch in nvrtc.getSupportedArchs() if arch <= capability), default=capability)
    own = newest == capability
    options = (*OPTIONS, f"--gpu-architecture={'sm' if own else 'compute'}_{newest}")
    words = "\n".join(map(str, (nvrtc.getVersion(), options, source)))
    kept = cache_folder() / f"accelsim-{sha256(words.encode()).hexdigest()}.{'cubin' if own else 'ptx'}"
    with suppress(OSError):
        return kept.read_bytes()
    code = _compiled(nvrtc, file, source, options, "getCUBIN" if own else "getPTX")
    with suppress(OSError, UserError):  # a folder that can't be written to costs time alone
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, code)
    return code


def cache_folder() -> Path:
    """Where CuPy keeps what it compiled."""
    return Path(os.environ.get("CUPY_CACHE_DIR") or Path("~/.cupy/kernel_cache").expanduser())


def _compiled(nvrtc: Any, file: str, source: str, options: tuple[str, ...], product: str) -> bytes:
    program = nvrtc.createProgram(source, file, (), ())
    try:
        nvrtc.compileProgram(program, options)
        return bytes(getattr(nvrtc, product)(program))
    except nvrtc.NVRTCError as error:
        raise RuntimeError(f"{error}: {nvrtc.getProgramLog(program)}") from error
    finally:
        nvrtc.destroyProgram(program)
