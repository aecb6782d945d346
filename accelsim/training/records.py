"""What a training records of itself beside its checkpoint: its quantisers, and how fast this computer went.

Neither decides a bit of it, so neither is in the checkpoint: that is the same with and without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.datapath import Observation
from accelsim.training.step_log import StepLog
from accelsim.training.trackers import Tracker

QUANTISER_COLUMNS = (
    "step",
    "tensor",
    "layer",
    "role",
    "format",
    "elements",
    "scale_factor",
    "largest_magnitude",
    "saturated",
    "saturated_share",
    "underflowed",
    "zero_share",
    "sqnr_db",
    "cosine",
    "effective_bits",
)
SPEED_COLUMNS = ("step", "epoch", "samples", "train_s", "samples_per_s")


class Worked(NamedTuple):
    """Samples that went through training steps, and the time that those took."""

    samples: int = 0
    train_s: float = 0.0

    def and_more(self, samples: int, train_s: float) -> Worked:
        return Worked(self.samples + samples, self.train_s + train_s)

    @property
    def samples_per_s(self) -> float:
        return self.samples / self.train_s if self.train_s else 0.0


class Records:
    """The logs of a run: in ``folder``, or in memory where that is None.

    Quantisers are recorded in the last step of each epoch and in every ``quantisers_every``-th step. ``trackers`` hear
    of everything that is recorded, and of the distributions of weights and gradients in these steps.
    """

    def __init__(
        self, folder: Path | None = None, quantisers_every: int | None = None, trackers: Sequence[Tracker] = ()
    ) -> None:
        self.quantisers_every, self.trackers = quantisers_every, trackers
        self.quantisers = StepLog(QUANTISER_COLUMNS, folder / "quantisers.csv" if folder else None)
        self.speed = StepLog(SPEED_COLUMNS, folder / "speed.csv" if folder else None)
        self._since_row, self._in_epoch = Worked(), Worked()

    def start(self, step: int, rows: Sequence[Mapping[str, Any]] = (), *, ends_epoch: bool) -> None:
        """Go on after ``step``, up to which training logged ``rows``.

        What was recorded in it because it was an earlier run's last is taken out, so that a run in parts leaves the
        same rows as a run in one.
        """
        in_time = ends_epoch or self._is_turn(step)
        self.quantisers.start(lambda found: found < step or (found == step and in_time))
        logged = {row["step"] for row in rows}
        self.speed.start(lambda found: found in logged)
        for tracker in self.trackers:
            tracker.start(step, rows)

    def looks_at(self, step: int, *, ends_epoch: bool) -> bool:
        """Whether the quantisers of ``step`` are recorded."""
        return ends_epoch or self._is_turn(step)

    def add_quantisers(self, step: int, seen: Observation, *, skipped: bool = False) -> list[dict[str, Any]]:
        """Record the quantisers of a step; returns the rows. Gradients of one that was ``skipped`` updated nothing."""
        rows = quantiser_rows(step, seen)
        self.quantisers.add(rows)
        updated = {name: found._replace(gradient=None) if skipped else found for name, found in seen.updated.items()}
        for tracker in self.trackers:
            tracker.quantised(step, rows)
            tracker.updated(step, updated)
        return rows

    def worked(self, samples: int, seconds: float) -> None:
        """Count the work of one training step, whatever comes between the steps left out."""
        self._since_row = self._since_row.and_more(samples, seconds)
        self._in_epoch = self._in_epoch.and_more(samples, seconds)

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Training has logged ``row``: record the speed since the last one."""
        done, self._since_row = self._since_row, Worked()
        speed = {"samples": done.samples, "train_s": done.train_s, "samples_per_s": done.samples_per_s}
        self.speed.add([{"step": row["step"], "epoch": row["epoch"], **speed}])
        for tracker in self.trackers:
            tracker.logged({**row, "samples_per_s": done.samples_per_s})

    def epoch_speed(self) -> float:
        """Samples a second since the last time that this was asked."""
        done, self._in_epoch = self._in_epoch, Worked()
        return done.samples_per_s

    def flush(self) -> None:
        """Bring everything to the files.

        Raises:
            UserError: they can't be written.
        """
        for log in (self.quantisers, self.speed):
            log.flush()
        for tracker in self.trackers:
            tracker.flush()

    def close(self) -> None:
        """The training has ended, by an error perhaps: what led to it is worth keeping."""
        self.flush()
        for tracker in self.trackers:
            tracker.close()

    def _is_turn(self, step: int) -> bool:
        return self.quantisers_every is not None and step % self.quantisers_every == 0


def quantiser_rows(step: int, seen: Observation) -> list[dict[str, Any]]:
    """A row for each quantiser of one step, in the order of the step."""
    rows = []
    for tensor, (spec, layer, count) in seen.found.items():
        rows.append(
            {
                "step": step,
                "tensor": tensor,
                "layer": layer,
                "role": str(spec.role),
                "format": str(spec.format),
                "elements": count.elements,
                "scale_factor": count.scale_factor,
                "largest_magnitude": count.largest_magnitude,
                "saturated": count.saturated,
                "saturated_share": count.saturated / count.elements,
                "underflowed": count.underflowed,
                "zero_share": count.zeros / count.elements,
                "sqnr_db": count.sqnr_db,
                "cosine": count.cosine,
                "effective_bits": count.effective_bits,
            }
        )
    return rows
