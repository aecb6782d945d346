"""What scales remember between steps: running ranges and histories of largest magnitudes, by tensor; the loss's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from accelsim.datapath.loss_scaling import LossScaleState
from accelsim.errors import UserError


@dataclass
class ScaleState:
    """``running``: average largest magnitude; ``history``: the last ones, oldest first; ``autoflex``: predictors.

    ``fixed_point``: exponents of the integers that the update keeps, real = code x 2**-exponent; they never change.
    ``loss_scale``: where a dynamic one stands, None before the first step and on machines without.
    """

    running: dict[str, float] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    autoflex: dict[str, dict[str, Any]] = field(default_factory=dict)
    fixed_point: dict[str, int] = field(default_factory=dict)
    loss_scale: LossScaleState | None = None

    def observe(self, tensor: str, peak: float, *, momentum: float, length: int) -> None:
        """Take in the largest magnitude of ``tensor`` in a training step."""
        self.running[tensor] = self.running.get(tensor, peak) * momentum + peak * (1 - momentum)
        self.history[tensor] = [*self.history.get(tensor, []), peak][-length:]

    def copy(self) -> ScaleState:
        """The same ranges, histories and predictors, which don't change with these."""
        return replace(self, running=dict(self.running), history=dict(self.history), autoflex=dict(self.autoflex))

    def to_plain(self) -> dict[str, Any]:
        """Plain data for a checkpoint; floats read back exactly."""
        plain: dict[str, Any] = {
            name: getattr(self, name) for name in ("running", "history", "autoflex", "fixed_point")
        }
        return plain if self.loss_scale is None else {**plain, "loss_scale": self.loss_scale.to_plain()}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> ScaleState:
        """Read what ``to_plain`` gave.

        Raises:
            UserError: it is something else.
        """
        try:
            running = {str(name): float(value) for name, value in plain["running"].items()}
            autoflex = {str(name): dict(state) for name, state in plain["autoflex"].items()}
            history = {str(name): [float(value) for value in values] for name, values in plain["history"].items()}
            fixed_point = {str(name): int(exponent) for name, exponent in plain["fixed_point"].items()}
            loss_scale = LossScaleState.from_plain(plain["loss_scale"]) if "loss_scale" in plain else None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError("not a state of quantiser scales") from error
        return cls(running, history, autoflex, fixed_point, loss_scale)
