"""One file a hardware unit: what each opcode computes. Importing this package registers all handlers."""

from accelsim.datapath.units import mac_array, norm, output_stage, update, vector
from accelsim.datapath.units.registry import HANDLERS

__all__ = ["HANDLERS", "mac_array", "norm", "output_stage", "update", "vector"]
