"""Launches the kernels on a GPU for arrays in this computer's memory: what plays a device elsewhere, on a device.

So every test of a kernel that runs on the CPU can run on a GPU as it is; data travels there and back at each launch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest


class DeviceLauncher:
    """``launch`` takes arrays of the device; ``send`` brings them there, and ``get`` back.

    Which kernel is taken follows the ``capability`` that is played; what it's compiled for is the device's own.
    """

    def __init__(self, launch: Any, send: Callable[[Any], Any], get: Callable[[Any], Any], check: Any, inside: Any):
        self.launch, self.send, self.get, self.check, self.inside = launch, send, get, check, inside
        self.capability, self.backwards = launch.capability, False
        self.launched: set[str] = set()

    def address(self, x: Any) -> int:
        return int(self.inside(x).ctypes.data)

    def __call__(
        self, name: str, parameters: Any, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any]
    ) -> None:
        bare = [self.inside(x) for x in arguments]
        self.launched.add(name)
        self.check(name, parameters, grid, block, bare)
        sent = [self.send(x) if isinstance(x, np.ndarray) else x for x in bare]
        self.launch(name, parameters, grid, block, sent)
        for here, there in zip(bare, sent, strict=True):
            if isinstance(here, np.ndarray) and here.flags.writeable:
                here[...] = self.get(there)

    def compiled(self, *arguments: Any) -> Any:
        pytest.skip("looks into a source compiled for the CPU")


def on_cupy(check: Any, inside: Any) -> DeviceLauncher:
    """On the current CUDA device."""
    import cupy

    from accelsim.datapath.kernels.gpu.launch import CupyLauncher

    return DeviceLauncher(CupyLauncher(), cupy.asarray, cupy.asnumpy, check, inside)
