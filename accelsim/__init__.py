"""accelsim: bit-accurate low-precision training, its cycles and its energy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accelsim.version import __version__ as __version__

if TYPE_CHECKING:
    from accelsim.errors import UserError
    from accelsim.hardware import load_hwconfig
    from accelsim.networks import load_workload
    from accelsim.reports.run_folder import load as load_run
    from accelsim.simulation import evaluate, explain, simulate
    from accelsim.simulation.torch_bridge import from_torch
    from accelsim.studies.comparison import compare
    from accelsim.studies.precision import precision
    from accelsim.studies.seeds import train_seeds
    from accelsim.studies.sweep import sweep

__all__ = [
    "UserError",
    "compare",
    "evaluate",
    "explain",
    "from_torch",
    "load_hwconfig",
    "load_run",
    "load_workload",
    "precision",
    "simulate",
    "sweep",
    "train_seeds",
]

_HOMES = {
    "UserError": ("accelsim.errors", "UserError"),
    "compare": ("accelsim.studies.comparison", "compare"),
    "evaluate": ("accelsim.simulation", "evaluate"),
    "explain": ("accelsim.simulation", "explain"),
    "from_torch": ("accelsim.simulation.torch_bridge", "from_torch"),
    "load_hwconfig": ("accelsim.hardware", "load_hwconfig"),
    "load_run": ("accelsim.reports.run_folder", "load"),
    "load_workload": ("accelsim.networks", "load_workload"),
    "precision": ("accelsim.studies.precision", "precision"),
    "simulate": ("accelsim.simulation", "simulate"),
    "sweep": ("accelsim.studies.sweep", "sweep"),
    "train_seeds": ("accelsim.studies.seeds", "train_seeds"),
}


def __dir__() -> list[str]:
    """What can be imported lazily is listed, too."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import on first use, so that ``import accelsim`` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'accelsim' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
