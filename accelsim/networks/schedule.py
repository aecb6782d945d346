"""Learning-rate schedules: the factor on the optimizer's rate at each step."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.yamlfile import FileModel


class Schedule(FileModel):
    """Factor as a pure function of progress, so that a resumed run goes on exactly."""

    kind: Literal["constant", "step", "cosine"] = "constant"
    """constant; step: times ``factor`` at each milestone; cosine: down to zero at the end."""
    milestones: list[Annotated[float, Field(gt=0)]] = Field(default_factory=list)
    """Step only: epochs at which the rate drops."""
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Step only: what the rate is multiplied by at each milestone."""
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    """Epochs over which the rate rises linearly from zero."""

    @model_validator(mode="after")
    def _milestones_used(self) -> Schedule:
        if self.milestones and self.kind != "step":
            raise ValueError(f"milestones belong to kind step, not {self.kind}")
        return self

    def rate_factor(self, epoch: float, epochs: int) -> float:
        """Factor at ``epoch`` (fractional, from 0) of ``epochs``."""
        warm = min(1.0, epoch / self.warmup_epochs) if self.warmup_epochs else 1.0
        if self.kind == "step":
            return warm * self.factor ** sum(epoch >= milestone for milestone in self.milestones)
        if self.kind == "cosine":
            return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, epoch / epochs)))
        return warm
