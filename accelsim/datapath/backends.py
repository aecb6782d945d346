"""Which kernels run: chosen once, by what the machine has."""

from __future__ import annotations

from accelsim.datapath.kernels import Kernels, NumpyKernels
from accelsim.errors import UserError, nearest

BACKENDS = ("compiled", "numpy")
"""In order of preference."""


def choose_kernels(name: str | None = None) -> Kernels:
    """The backend called ``name``, or the fastest that this machine has; all give the same bits.

    Raises:
        UserError: there is no such backend.
    """
    if name is not None and name not in BACKENDS:
        raise UserError(f"no backend is called {name!r}; allowed: {', '.join(BACKENDS)}{nearest(name, BACKENDS)}")
    if name == "numpy":
        return NumpyKernels()
    from accelsim.datapath.kernels.compiled import CompiledKernels  # Numba takes half a second to import

    return CompiledKernels()
