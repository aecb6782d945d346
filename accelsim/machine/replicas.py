"""Machines of a cluster that train together: each does the same on its share of the batch (data parallelism).

All have the same parameters, and codes made of parameters are the same on all of them: they hold the same values and
draw the same random bits. Everything else a machine has for itself: its name tells the machine, which the random bits
and what quantisers remember belong to. Running statistics are those of the first machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from accelsim.machine.parameter import Parameter
from accelsim.machine.tensor import Tensor

Collected = tuple[str, Parameter, Tensor]
"""Layer, parameter and gradient."""


class Replicas:
    """Which machine of how many a step stands at; ``number`` is 0 for all of them, or for one that trains alone."""

    def __init__(self) -> None:
        self.number, self.count = 0, 1
        self._gradients = defaultdict[int, list[Collected]](list)

    @property
    def gradients(self) -> list[Collected]:
        """What layers have handed in on the machine that is open."""
        return self._gradients[self.number]

    @contextmanager
    def opened(self, number: int, count: int) -> Iterator[None]:
        """Issue what follows on machine ``number`` of ``count``, from 1 on; one machine is no cluster."""
        if count == 1:
            yield
            return
        self.number, self.count = number, count
        try:
            yield
        finally:
            self.number, self.count = 0, 1
