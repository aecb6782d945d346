"""Design-space exploration: one simulation for each combination of values, and what they show together."""

from accelsim.studies.sweep.result import Sweep
from accelsim.studies.sweep.run import sweep

__all__ = ["Sweep", "sweep"]
