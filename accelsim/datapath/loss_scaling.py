"""What dynamic loss scaling keeps between steps; ``reference_loss_scale`` says how it moves on exponents alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from accelsim.formats import Adaptation


@dataclass(frozen=True)
class LossScaleState:
    """The scale of the next step, steps in a row without overflow since it last moved, and steps skipped so far."""

    scale: float
    good_steps: int = 0
    skipped_steps: int = 0

    def after(self, moves: Adaptation, *, overflowed: bool) -> LossScaleState:
        """The state after a step; products of powers of two are exact."""
        if overflowed:
            lower = max(self.scale * moves.backoff, moves.minimum)
            return LossScaleState(lower, 0, self.skipped_steps + 1)
        if self.good_steps + 1 < moves.interval:
            return LossScaleState(self.scale, self.good_steps + 1, self.skipped_steps)
        return LossScaleState(min(self.scale * moves.growth, moves.maximum), 0, self.skipped_steps)

    def to_plain(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> LossScaleState:
        """Read what ``to_plain`` gave."""
        return cls(float(plain["scale"]), int(plain["good_steps"]), int(plain["skipped_steps"]))
