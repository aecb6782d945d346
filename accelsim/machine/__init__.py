"""The instruction set: the abstract Machine, tensor handles and parameters."""

from accelsim.machine.machine import Machine
from accelsim.machine.parameter import Parameter
from accelsim.machine.tensor import Tensor, Value
from accelsim.machine.window import Window

__all__ = ["Machine", "Parameter", "Tensor", "Value", "Window"]
