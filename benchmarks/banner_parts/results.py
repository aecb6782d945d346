"""What trainings came to, setting by setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seeds import Seeds, agreed

from banner_parts.settings import Setting
from banner_parts.trainings import Training


@dataclass(frozen=True)
class Result(Seeds):
    """All finished seeds of one setting."""

    setting: Setting
    trainings: tuple[Training, ...]

    @property
    def seconds(self) -> float:
        """Time that the emulated training took, for the seeds together; only steps are counted."""
        each = [f["steps"] * f["images_per_step"] / f["train_images_per_s"] for f in self.facts if f]
        return sum(each) * self.count / len(self.facts)


def results(trainings: Sequence[Training]) -> list[Result]:
    """One for each setting with a finished training, in their order."""
    finished = [(t, facts) for t in trainings if (facts := t.facts()) is not None]
    groups: dict[Setting, list[tuple[Training, dict[str, Any]]]] = {}
    for training, facts in finished:
        groups.setdefault(training.setting, []).append((training, facts))
    return [Result(agreed([f for _, f in g]), s, tuple(t for t, _ in g)) for s, g in groups.items()]
