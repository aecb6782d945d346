"""Putting the rooms together: simulate, check, explain."""

from accelsim.simulation.explain import explain
from accelsim.simulation.run import simulate

__all__ = ["explain", "simulate"]
