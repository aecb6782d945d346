"""Dynamic loss scaling (Micikevicius et al. 2018): a step whose gradients overflowed updates nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from accelsim.layers.clipping import measured
from accelsim.machine import Machine, Tensor
from accelsim.machine.replicas import Collected
from accelsim.program import Phase

LAYER = "loss_scale"
"""Name in tables of what belongs to no layer."""


def unscaling(m: Machine, gradients: Iterable[Collected]) -> tuple[Iterator[Collected], Tensor]:
    """The gradients again, and the factor that takes the loss's scale off; no update starts before the last is known.

    Clipping by the norm does all of it, too: a norm that is not finite tells of an overflow.
    """
    known, overflows = measured(m, gradients, m.find_overflow)
    with m.scope(LAYER, Phase.UPDATE):
        return iter(known), m.unscale_factor(overflows)
