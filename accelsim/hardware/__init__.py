"""The hwconfig: pydantic models of the accelerator, and its loader."""

from accelsim.hardware.at_least import has_at_least
from accelsim.hardware.cluster import Cluster
from accelsim.hardware.config import HardwareConfig, load_hwconfig
from accelsim.hardware.dram import Dram
from accelsim.hardware.dram_standards import DramStandard, DramTiming, dram_standards
from accelsim.hardware.memory import Buffer, Buffers, Level, Memory
from accelsim.hardware.technology import Technology, load_technology
from accelsim.hardware.units import Dataflow, LaneUnit, MacArray, NormUnit

__all__ = [
    "Buffer",
    "Buffers",
    "Cluster",
    "Dataflow",
    "Dram",
    "DramStandard",
    "DramTiming",
    "HardwareConfig",
    "LaneUnit",
    "Level",
    "MacArray",
    "Memory",
    "NormUnit",
    "Technology",
    "dram_standards",
    "has_at_least",
    "load_hwconfig",
    "load_technology",
]
