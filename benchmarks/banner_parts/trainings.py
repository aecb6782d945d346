"""A training of the evaluation: one setting with one seed, and about how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kept_trainings import KeptTraining, Store

from banner_parts.settings import Setting

EPOCH_SECONDS = {
    "fashion_mnist_resnet20": {"int8_range_bn": 150, "fp32": 300},
    "cifar10_resnet20": {"int8_range_bn": 130, "fp32": 260},
    "fashion_mnist_resnet110": {"int8_range_bn": 400, "flexpoint": 1000, "fp32": 700},
}
"""Measured; by workload and hwconfig."""


@dataclass(frozen=True)
class Training:
    """One setting with one seed; ``epochs`` passes over the images of ``workload``."""

    setting: Setting
    workload: str
    epochs: int
    seed: int
    store: Store
    shared: tuple[str, ...] = ()
    """Options of every training in its table."""

    @property
    def command(self) -> str:
        """Without where it writes."""
        return self.setting.command(self.workload, self.epochs, self.seed, self.shared)

    @property
    def labels(self) -> dict[str, object]:
        return {"workload": self.workload, "epochs": self.epochs, "setting": self.setting.key, "seed": self.seed}

    @property
    def kept(self) -> KeptTraining:
        name = f"{self.workload}-{self.epochs}/{self.setting.key}-seed{self.seed}"
        return KeptTraining(self.command, name, self.labels, self.store)

    def facts(self) -> dict[str, Any] | None:
        """Its figures, once it is finished with these very options; {} where it diverged."""
        return self.kept.facts()


def expected_seconds(training: Training) -> float:
    """About how long a training takes on one of two threads that share a Zen 4 core; a resumed one takes less."""
    return EPOCH_SECONDS[training.workload][training.setting.hwconfig] * training.epochs
