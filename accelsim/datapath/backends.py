"""Which kernels run, and where: chosen once, by what the machine has."""

from __future__ import annotations

from collections.abc import Callable

from accelsim.datapath.kernels import Kernels, NumpyKernels
from accelsim.errors import UserError, nearest

BACKENDS = ("compiled", "numpy")
"""On a CPU, in order of preference."""
DEVICES = ("auto", "cpu", "gpu")


def choose_kernels(
    name: str | None = None, device: str = "auto", say: Callable[[str], None] = lambda text: None
) -> Kernels:
    """The backend called ``name``, or the fastest that this machine has; all give the same bits.

    Args:
        name: kernels of the CPU; None leaves the choice.
        device: ``gpu``, ``cpu``, or ``auto``: the GPU where CuPy sees one and no ``name`` is given.
        say: hears where ``auto`` computes, and why it left a GPU, or compiled kernels, alone.

    Raises:
        UserError: there is no such backend or device, no GPU that can be used, or no compiler for kernels.
    """
    check_names(name, device)
    if device == "gpu" or (device == "auto" and name is None):
        kernels = _gpu(asked=device == "gpu", say=say)
        if kernels is not None:
            return kernels
    if name == "numpy":
        return NumpyKernels()
    from accelsim.recompile import compiles  # Numba takes half a second to import

    if not compiles():
        if name is not None:
            raise UserError(f"backend {name}: NUMBA_DISABLE_JIT is set, so nothing compiles; unset it, or give numpy")
        say("NUMBA_DISABLE_JIT is set, so nothing compiles: computes on backend numpy")
        return NumpyKernels()
    from accelsim.datapath.kernels.compiled import CompiledKernels

    return CompiledKernels()


def check_names(name: str | None, device: str) -> None:
    """Refuse names of kernels and devices that there are not.

    Raises:
        UserError: there is no such backend or device, or they don't go together.
    """
    if name is not None and name not in BACKENDS:
        raise UserError(f"no backend is called {name!r}; allowed: {', '.join(BACKENDS)}{nearest(name, BACKENDS)}")
    if device not in DEVICES:
        raise UserError(f"no device is called {device!r}; allowed: {', '.join(DEVICES)}{nearest(device, DEVICES)}")
    if name is not None and device == "gpu":
        raise UserError(f"backend {name} computes on the CPU; leave it out, or give device cpu")


def _gpu(*, asked: bool, say: Callable[[str], None]) -> Kernels | None:
    """Kernels on the GPU where there is one that computes the right bits.

    Raises:
        UserError: the user ``asked`` for a GPU, and none can be used.
    """
    from accelsim.datapath.kernels.gpu import cupy_kernels, self_check

    reason = cupy_kernels.missing()
    if reason:
        if asked:
            raise UserError(f"no GPU to train on: {reason}; {cupy_kernels.INSTALL}, or give device cpu or auto")
        return None
    device = cupy_kernels.device_name()
    try:
        kernels = cupy_kernels.CupyKernels()
        wrong = self_check.differing(kernels)
        found = (
            f"{device} does not compute the bits of the CPU in its self-check ({', '.join(wrong)})" if wrong else None
        )
    except Exception as error:  # whatever it is (a library that is missing, an older driver), the CPU can train
        found = f"{device} fails its self-check ({type(error).__name__}: {first_line(error)})"
    if found is None:
        say(f"trains on the GPU {device}; --device cpu gives the same bits")
        return kernels
    if asked:
        raise UserError(f"{found}; give device cpu")
    say(f"{found}; trains on the CPU")
    return None


def first_line(error: Exception) -> str:
    """What an error says, without the paths that were searched."""
    return str(error).strip().split("\n", 1)[0]
