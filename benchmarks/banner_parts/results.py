"""What trainings came to, read back from their run folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import pandas as pd

from banner_parts.settings import Setting
from banner_parts.trainings import Training


@dataclass(frozen=True)
class Result:
    """All seeds of one setting; ``accuracies`` in percent, 0 for a training that diverged."""

    setting: Setting
    trainings: tuple[Training, ...]
    summaries: tuple[dict[str, Any], ...]

    @property
    def accuracies(self) -> list[float]:
        return [100 * float(summary.get("test_accuracy", 0)) for summary in self.summaries]

    @property
    def accuracy(self) -> float:
        return mean(self.accuracies)

    @property
    def spread(self) -> float:
        return max(self.accuracies) - min(self.accuracies)

    @property
    def diverged(self) -> int:
        return sum(not summary for summary in self.summaries)

    @property
    def seconds(self) -> float:
        """Time that the emulated training took, for the seeds together; only steps are counted."""
        images = [s["steps"] * s["images_per_step"] / s["train_images_per_s"] for s in self.summaries if s]
        return sum(images)

    def loss(self, window: int) -> pd.Series:
        """Training loss of the first seed over steps, a running mean of ``window`` steps."""
        metrics = pd.read_csv(self.trainings[0].folder / "metrics.csv")
        return metrics.set_index("step")["train_loss"].rolling(window).mean().dropna()


def results(trainings: Sequence[Training]) -> list[Result]:
    """One for each setting with a finished training, in their order."""
    finished = [(t, summary) for t in trainings if (summary := t.summary()) is not None]
    groups: dict[Setting, list[tuple[Training, dict[str, Any]]]] = {}
    for training, summary in finished:
        groups.setdefault(training.setting, []).append((training, summary))
    return [Result(s, tuple(t for t, _ in g), tuple(found for _, found in g)) for s, g in groups.items()]
