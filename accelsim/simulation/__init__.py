"""Putting the rooms together: simulate, check, explain."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelsim.simulation.explanation import explain
    from accelsim.simulation.run import simulate

__all__ = ["explain", "simulate"]

_HOMES = {"explain": "accelsim.simulation.explanation", "simulate": "accelsim.simulation.run"}


def __getattr__(name: str) -> Any:
    """Import on first use: checking a file needs none of the tables and figures."""
    if name not in _HOMES:
        raise AttributeError(f"module 'accelsim.simulation' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
