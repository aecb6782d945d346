"""Learning-rate schedules: the factor on the optimizer's rate at each step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.yamlfile import Fault, FileModel, refuse

MOST = 1_000_000
Epoch = Annotated[float, Field(gt=0, le=MOST)]
_BELONGS = {"milestones": ("step",), "factor": ("step",), "final": ("cosine", "linear")}


class Schedule(FileModel):
    """Factor as a pure function of progress, so that a resumed run goes on exactly."""

    kind: Literal["constant", "step", "cosine", "linear"] = "constant"
    """constant; step: times ``factor`` at each milestone; cosine and linear: down to ``final`` at the end."""
    milestones: list[Epoch] = Field(default_factory=list)
    """Step only: epochs at which the rate drops."""
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Step only: what the rate is multiplied by at each milestone."""
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Cosine and linear only: the share of the rate that is left at the end."""
    warmup_epochs: Annotated[float, Field(ge=0, le=MOST)] = 0.0
    """Epochs over which the rate rises linearly from zero, times what the kind says of them."""

    @model_validator(mode="after")
    def _used(self) -> Schedule:
        refuse("schedule", [*self._unused()])
        return self

    def _unused(self) -> Iterator[Fault]:
        for field, kinds in _BELONGS.items():
            found, default = getattr(self, field), type(self).model_fields[field].get_default(call_default_factory=True)
            if self.kind not in kinds and found != default:
                text = f"found {found}, but it belongs to kind {' and '.join(kinds)}, not {self.kind}; leave it out"
                yield Fault((field,), text)

    def rate_factor(self, epoch: float, epochs: int) -> float:
        """Factor at ``epoch`` (fractional, from 0) of ``epochs``."""
        warm = min(1.0, epoch / self.warmup_epochs) if self.warmup_epochs else 1.0
        if self.kind == "step":
            return warm * self.factor ** sum(epoch >= milestone for milestone in self.milestones)
        if self.kind == "constant":
            return warm
        done = min(1.0, epoch / epochs)
        share = 1 - done if self.kind == "linear" else 0.5 * (1 + math.cos(math.pi * done))
        return warm * (self.final + (1 - self.final) * share)
