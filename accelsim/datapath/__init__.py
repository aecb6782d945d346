"""Interpreter 1: integer arrays, every bit that the hardware would compute."""

from accelsim.datapath.backends import BACKENDS, DEVICES, choose_kernels
from accelsim.datapath.interpreter import Datapath
from accelsim.datapath.kept import Kept, KeptTensors
from accelsim.datapath.kernels import Kernels, NumpyKernels
from accelsim.datapath.observation import Observation, Watcher
from accelsim.datapath.scale_state import ScaleState

__all__ = [
    "BACKENDS",
    "DEVICES",
    "Datapath",
    "Kept",
    "KeptTensors",
    "Kernels",
    "NumpyKernels",
    "Observation",
    "ScaleState",
    "Watcher",
    "choose_kernels",
]
