"""The hwconfig: pydantic models of the accelerator, and its loader."""

from accelsim.hardware.config import HardwareConfig, load_hwconfig
from accelsim.hardware.memory import Buffer, Buffers, Dram
from accelsim.hardware.technology import Technology, load_technology
from accelsim.hardware.units import Dataflow, LaneUnit, MacArray, NormUnit

__all__ = [
    "Buffer",
    "Buffers",
    "Dataflow",
    "Dram",
    "HardwareConfig",
    "LaneUnit",
    "MacArray",
    "NormUnit",
    "Technology",
    "load_hwconfig",
    "load_technology",
]
