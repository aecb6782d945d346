"""The seeds of one setting: mean, spread and extremes of their test accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from kept_trainings import KeptTraining


@dataclass(frozen=True)
class Seeds:
    """``facts`` of each seed, {} for one that diverged; accuracies in percent, 0 where it diverged.

    Where only the mean of several seeds was kept, every one of ``facts`` is that mean.
    """

    facts: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, trainings: Sequence[KeptTraining]) -> Seeds:
        """Of trainings that are finished."""
        return cls(agreed([facts for t in trainings if (facts := t.facts()) is not None]))

    @property
    def is_mean(self) -> bool:
        return "seeds" in self.facts[0]

    @property
    def count(self) -> int:
        return int(self.facts[0].get("seeds", len(self.facts)))

    @property
    def accuracies(self) -> list[float]:
        return [100 * float(facts.get("test_accuracy", 0)) for facts in self.facts]

    @property
    def accuracy(self) -> float:
        return mean(self.accuracies)

    @property
    def spread(self) -> float:
        return 100 * self.facts[0]["spread"] if self.is_mean else max(self.accuracies) - min(self.accuracies)

    @property
    def extremes(self) -> tuple[float, float]:
        """The worst and the best seed; the mean twice where no more is known."""
        if not self.is_mean:
            return min(self.accuracies), max(self.accuracies)
        if "lowest" not in self.facts[0]:
            return self.accuracy, self.accuracy
        lowest = 100 * self.facts[0]["lowest"]
        return lowest, lowest + self.spread

    @property
    def diverged(self) -> int:
        return sum(not facts for facts in self.facts)


def agreed(facts: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """A mean of several seeds in place of each, as long as one of them has no figures of its own."""
    of_several = next((each for each in facts if "seeds" in each), None)
    return tuple(facts if of_several is None else [of_several] * len(facts))
