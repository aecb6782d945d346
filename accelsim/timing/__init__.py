"""Cycles, stalls and memory traffic of a Program on a hwconfig."""

from accelsim.timing.assumptions import ASSUMPTIONS, SERIAL_ASSUMPTION
from accelsim.timing.mapping.operands import passes
from accelsim.timing.mapping.systolic import ProductCost, product_cost
from accelsim.timing.memory.dram_model import DramModel, TransferCost
from accelsim.timing.memory.sram import Access, SramTraffic
from accelsim.timing.pipelines.stalls import StallCycles
from accelsim.timing.placement.residency import Residency, place_tensors
from accelsim.timing.plan import TileChoice
from accelsim.timing.simulator import simulate
from accelsim.timing.timeline import OperationTiming, Timeline

__all__ = [
    "ASSUMPTIONS",
    "SERIAL_ASSUMPTION",
    "Access",
    "DramModel",
    "OperationTiming",
    "ProductCost",
    "Residency",
    "SramTraffic",
    "StallCycles",
    "TileChoice",
    "Timeline",
    "TransferCost",
    "passes",
    "place_tensors",
    "product_cost",
    "simulate",
]
