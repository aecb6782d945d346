"""The Machine: the whole instruction set that layers are written against."""

from __future__ import annotations

from accelsim.machine.attention import AttentionInstructions
from accelsim.machine.channels import ChannelInstructions
from accelsim.machine.curves import CurveInstructions
from accelsim.machine.dropout import DropoutInstructions
from accelsim.machine.exchange import ExchangeInstructions
from accelsim.machine.gating import GatingInstructions
from accelsim.machine.gradients import GradientInstructions
from accelsim.machine.hadamard import HadamardInstructions
from accelsim.machine.norm import NormInstructions
from accelsim.machine.output_stage import OutputStageInstructions
from accelsim.machine.rotary import RotaryInstructions
from accelsim.machine.tokens import TokenInstructions
from accelsim.machine.update import UpdateInstructions


class Machine(
    AttentionInstructions,
    GradientInstructions,
    ChannelInstructions,
    CurveInstructions,
    DropoutInstructions,
    ExchangeInstructions,
    GatingInstructions,
    HadamardInstructions,
    RotaryInstructions,
    TokenInstructions,
    NormInstructions,
    OutputStageInstructions,
    UpdateInstructions,
):
    """One instruction per capability of a hardware unit; interpreters implement ``execute`` and ``load``."""
