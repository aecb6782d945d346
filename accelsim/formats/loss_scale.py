"""Loss scaling (Micikevicius et al., "Mixed precision training", ICLR 2018): the loss's gradient times a power of two.

Gradients of all tensors are then that many times as large, so that fewer of them fall below a narrow format's smallest
number; the update divides them by it. Powers of two alone: both are exact, but where a number leaves its format.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Adaptation:
    """How a dynamic scale moves: ``backoff`` times as large after a step that overflowed, which updates nothing, and
    ``growth`` times as large after ``interval`` steps in a row that didn't; from ``minimum`` to ``maximum``."""

    growth: float = 2.0
    backoff: float = 0.5
    interval: int = 2000
    minimum: float = 1.0
    maximum: float = 2.0**24


@dataclass(frozen=True)
class LossScale:
    """The scale of the first step; static where it has no ``adaptation``."""

    initial: float
    adaptation: Adaptation | None = None

    @property
    def dynamic(self) -> bool:
        return self.adaptation is not None
