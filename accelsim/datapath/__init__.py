"""Interpreter 1: integer arrays, every bit that the hardware would compute."""

from accelsim.datapath.backends import BACKENDS, DEVICES, choose_kernels
from accelsim.datapath.interpreter import Datapath
from accelsim.datapath.kernels import Kernels, NumpyKernels
from accelsim.datapath.observation import Observation, Watcher
from accelsim.datapath.scale_state import ScaleState

__all__ = [
    "BACKENDS",
    "DEVICES",
    "Datapath",
    "Kernels",
    "NumpyKernels",
    "Observation",
    "ScaleState",
    "Watcher",
    "choose_kernels",
]
