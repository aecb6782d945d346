"""Cosines between tensors and their codes, by class and bits, of several trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import accelsim

ROOT = Path(__file__).parents[2]
BITS = (2, 4, 6, 7, 8, 9, 10, 11, 12, 16)


@dataclass(frozen=True)
class Study:
    """A training that is looked at; it runs for so many steps, or for the epochs."""

    title: str
    hwconfig: str
    workload: str
    at: tuple[int, ...]
    steps: int | None = None
    epochs: int | None = None
    settings: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        length = f"--steps {self.steps}" if self.steps else f"--epochs {self.epochs}"
        options = "".join(f" --set {setting}" for setting in self.settings)
        at, bits = (",".join(map(str, numbers)) for numbers in (self.at, BITS))
        files = f"hwconfigs/{self.hwconfig}.yaml workloads/{self.workload}.yaml"
        return f"accelsim precision {files} {length} --at {at} --bits {bits}{options}"


_DIGITS = {"workload": "digits_cnn", "epochs": 6, "at": (1, 30, 100, 264)}
_RESNET = {"workload": "fashion_mnist_resnet20", "steps": 300, "at": (1, 30, 100, 300)}
_STOCHASTIC = "numerics.layer_gradient_weight_path.rounding=stochastic"
STUDIES = (
    Study("ResNet-20", "int8_range_bn", **_RESNET),
    Study("ResNet-20, weight copy rounded stochastically", "int8_range_bn", **_RESNET, settings=(_STOCHASTIC,)),
    Study("Digits CNN", "int8_range_bn", **_DIGITS),
    Study("Digits CNN, weight copy rounded stochastically", "int8_range_bn", **_DIGITS, settings=(_STOCHASTIC,)),
    Study("Digits CNN, float training", "fp32", **_DIGITS),
)


def angles(studies: Sequence[Study], data: Path | None) -> pd.DataFrame:
    """A row for each study, class and number of bits: mean, sd and least cosine, and the bits that the class needs."""
    return pd.concat([_looked_at(study, data) for study in studies], ignore_index=True)


def _looked_at(study: Study, data: Path | None) -> pd.DataFrame:
    print(study.command, flush=True)
    result = accelsim.precision(
        ROOT / "hwconfigs" / f"{study.hwconfig}.yaml",
        ROOT / "workloads" / f"{study.workload}.yaml",
        bits=BITS,
        at=study.at,
        steps=study.steps,
        epochs=study.epochs,
        settings=study.settings,
        data=data if "fashion" in study.workload else None,
    )
    needed = result.bits_needed.query("layer == 'all layers'").set_index("class")["bits_needed"]
    found = result.by_class.assign(study=study.title)
    return found.assign(bits_needed=found["class"].map(needed))
