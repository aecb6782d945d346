"""Cycles, stalls and memory traffic of a Program on a hwconfig."""

from accelsim.timing.assumptions import ASSUMPTIONS
from accelsim.timing.dram_model import DramModel, TransferCost
from accelsim.timing.operands import passes
from accelsim.timing.plan import TileChoice
from accelsim.timing.residency import Residency, place_tensors
from accelsim.timing.simulator import simulate
from accelsim.timing.sram import Access, SramTraffic
from accelsim.timing.stalls import StallCycles
from accelsim.timing.systolic import ProductCost, product_cost
from accelsim.timing.timeline import OperationTiming, Timeline

__all__ = [
    "ASSUMPTIONS",
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
