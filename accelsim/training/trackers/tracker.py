"""What a tracker hears. It sees a training as its tables do, and changes no bit of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from accelsim.datapath.observation import Updated


class StepCost(NamedTuple):
    """What one training step takes on the accelerator; ``joules`` are those of ``energy_per_step_pj``."""

    seconds: float
    joules: float


class Tracker:
    """Hears of everything that a training records; this one does nothing with it."""

    def start(self, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Training goes on after ``step``, up to which it logged ``rows``; what was written of later steps is void."""

    def logged(self, row: Mapping[str, Any]) -> None:
        """A row of ``metrics.csv``, with ``samples_per_s`` of this computer beside it; None where nothing is known."""

    def quantised(self, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """The quantisers of one step: rows of ``quantisers.csv``."""

    def updated(self, step: int, updated: Mapping[str, Updated]) -> None:
        """Of each parameter by name, how its values and gradients were distributed in one step.

        There is no gradient where loss scaling skipped the step: it updated nothing.
        """

    def flush(self) -> None:
        """A checkpoint is about to be written: what was heard has to outlive this process.

        Raises:
            UserError: it can't be written.
        """

    def close(self) -> None:
        """The training has ended, by an error perhaps."""
