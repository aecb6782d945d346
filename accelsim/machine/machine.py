"""The Machine: the whole instruction set that layers are written against."""

from __future__ import annotations

from accelsim.machine.mac_array import MacArrayInstructions
from accelsim.machine.norm import NormInstructions
from accelsim.machine.output_stage import OutputStageInstructions
from accelsim.machine.update import UpdateInstructions
from accelsim.machine.vector import VectorInstructions


class Machine(MacArrayInstructions, VectorInstructions, NormInstructions, OutputStageInstructions, UpdateInstructions):
    """One instruction per capability of a hardware unit; interpreters implement ``execute`` and ``load``."""
