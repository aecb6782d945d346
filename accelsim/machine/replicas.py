"""Machines of a cluster that train together: each does the same on its share of the batch (data parallelism).

All have the same parameters, and codes made of parameters are the same on all of them: they hold the same values and
draw the same random bits. Everything else a machine has for itself: its name tells the machine, which the random bits
and what quantisers remember belong to. Running statistics are those of the first machine.
"""

from __future__ import annotations

from collections import defaultdict

from accelsim.machine.numbered import Numbered
from accelsim.machine.parameter import Parameter
from accelsim.machine.tensor import Tensor

Collected = tuple[str, Parameter, Tensor]
"""Layer, parameter and gradient."""


class Replicas(Numbered):
    """Which machine of how many a step stands at; ``number`` is 0 for all of them, or for one that trains alone."""

    def __init__(self) -> None:
        super().__init__()
        self._gradients = defaultdict[int, list[Collected]](list)

    @property
    def gradients(self) -> list[Collected]:
        """What layers have handed in on the machine that is open."""
        return self._gradients[self.number]
