"""Putting the rooms together: simulate, evaluate, check, explain."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelsim.simulation.evaluation import evaluate
    from accelsim.simulation.explanation import explain
    from accelsim.simulation.run import simulate

__all__ = ["evaluate", "explain", "simulate"]

_HOMES = {
    "evaluate": "accelsim.simulation.evaluation",
    "explain": "accelsim.simulation.explanation",
    "simulate": "accelsim.simulation.run",
}


def __getattr__(name: str) -> Any:
    """Import on first use: checking a file needs none of the tables and figures."""
    if name not in _HOMES:
        raise AttributeError(f"module 'accelsim.simulation' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
