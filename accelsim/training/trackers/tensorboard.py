"""TensorBoard: a training's figures and histograms as event files, while it runs.

Three TensorBoard runs lie in the folder: figures by training step, and in folders of their own losses and accuracies
against the accelerator's time and energy. TensorBoard's x axis is a whole number, so those count microseconds and
microjoules. They follow from the rows that training logged, and are written anew whenever it goes on; the first run is
cut back to the checkpoint, so that no point stands twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelsim.datapath.observation import Updated
from accelsim.errors import UserError
from accelsim.training.trackers.event_file import EventFile
from accelsim.training.trackers.tracker import StepCost, Tracker

FIGURES = (
    "train_loss",
    "train_accuracy",
    "test_loss",
    "test_accuracy",
    "gradient_norm",
    "weight_norm",
    "learning_rate",
    "epoch",
)
"""Columns of ``metrics.csv``."""
LOSS_SCALING = ("loss_scale", "skipped_steps")
"""And of machines that scale their loss."""
AGAINST = FIGURES[:4]
QUANTISER_FIGURES = ("scale_factor", "saturated_share", "zero_share", "sqnr_db", "cosine", "effective_bits")
"""Columns of ``quantisers.csv``."""
MARK = "training/epoch"
"""Every logged row has it."""
MICRO = 1e-6


def check_tensorboard() -> None:
    """Find out whether the package is there.

    Raises:
        UserError: it isn't.
    """
    try:
        import tensorboardX  # noqa: F401
    except ImportError as error:
        raise UserError("--track tensorboard needs tensorboardX: pip install 'accelsim[tensorboard]'") from error


class TensorBoard(Tracker):
    """Writes into ``folder``; ``cost`` is what a step takes on the accelerator."""

    def __init__(self, folder: Path, cost: StepCost) -> None:
        self.cost = cost
        self.by_step = EventFile(folder)
        self.by_time, self.by_energy = EventFile(folder / "against_time_us"), EventFile(folder / "against_energy_uj")

    def start(self, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
        last = self.by_step.start(step, MARK)
        self.by_time.start(0)
        self.by_energy.start(0)
        for row in rows:
            if row["step"] > last:  # logged while nobody tracked
                self._by_step(row)
            self._against(row)

    def logged(self, row: Mapping[str, Any]) -> None:
        self._by_step(row)
        self._against(row)

    def quantised(self, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
        figures = [(f"{name}/{row['tensor']}", row[name]) for name in QUANTISER_FIGURES for row in rows]
        self.by_step.add_scalars(step, figures)

    def updated(self, step: int, updated: Mapping[str, Updated]) -> None:
        for name, found in updated.items():
            for what, distribution in (("weights", found.weights), ("gradients", found.gradient)):
                if distribution is not None:
                    self.by_step.add_histogram(step, f"{what}/{name}", distribution)

    def flush(self) -> None:
        for file in (self.by_step, self.by_time, self.by_energy):
            file.flush()

    def close(self) -> None:
        for file in (self.by_step, self.by_time, self.by_energy):
            file.close()

    def _by_step(self, row: Mapping[str, Any]) -> None:
        step = row["step"]
        figures = [(f"training/{name}", row.get(name)) for name in (*FIGURES, *LOSS_SCALING)]
        figures += [("accelerator/time_s", step * self.cost.seconds), ("accelerator/energy_j", step * self.cost.joules)]
        self.by_step.add_scalars(step, [*figures, ("emulation/samples_per_s", row.get("samples_per_s"))])

    def _against(self, row: Mapping[str, Any]) -> None:
        for file, unit, each in (
            (self.by_time, "time_us", self.cost.seconds),
            (self.by_energy, "energy_uj", self.cost.joules),
        ):
            place = round(row["step"] * each / MICRO)
            file.add_scalars(place, [(f"against_{unit}/{name}", row[name]) for name in AGAINST])
