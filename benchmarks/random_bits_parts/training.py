"""Training with stochastically rounded master weights: every task, setting and seed, kept and not trained again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kept_trainings import KeptTraining, Store, record_all, run_all, summarised
from safetensors import safe_open
from training_records import Records

ROLE = "numerics.master_weight"
BITS = (1, 2, 4, 8, 16)
LAST_STEPS = 44
"""Steps whose training loss is averaged: one epoch of the digits."""


@dataclass(frozen=True)
class Choice:
    """How the master weights are kept; ``bits`` None rounds to nearest."""

    format: str
    bits: int | None = None

    @property
    def rounding(self) -> str:
        """In a word: the number of random bits, nearest, or the format where it leaves nothing to round."""
        return "fp32" if self.format == "fp32" else "nearest" if self.bits is None else str(self.bits)

    @property
    def settings(self) -> tuple[str, ...]:
        if self == FP32:
            return ()
        # Integer master weights need an integer velocity; 32 bits round nothing that matters here.
        velocity = ("numerics.optimizer_state=int32",) if self.format.startswith("int") else ()
        if self.bits is None:
            return f"{ROLE}={self.format}", *velocity
        stochastic = f"{ROLE}.rounding=stochastic", f"{ROLE}.random_bits={self.bits}"
        return f"{ROLE}.format={self.format}", *stochastic, *velocity


FP32 = Choice("fp32")
BF16 = tuple(Choice("bf16", bits) for bits in (None, *BITS))
INT16 = tuple(Choice("int16", bits) for bits in (None, *BITS))


@dataclass(frozen=True)
class Task:
    """What is trained, on which machine, and by which settings."""

    name: str
    workload: str
    about: str
    epochs: int
    settings: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (1, 2, 3)
    choices: tuple[Choice, ...] = (FP32, *BF16)
    hwconfig: str = "hwconfigs/int8_range_bn.yaml"

    def command(self, choice: Choice, seed: int) -> str:
        """The run as a command line."""
        options = "".join(f" --set {setting}" for setting in (*self.settings, *choice.settings))
        return f"accelsim simulate {self.hwconfig} {self.workload}{options} --seed {seed}"


TASKS = (
    Task(
        "digits without norm, low rate",
        "benchmarks/digits_without_norm.yaml",
        "no normalisation, 30 epochs of 44 steps at a constant rate of 0.001",
        30,
        choices=(FP32, *BF16, *INT16),
    ),
    Task(
        "digits, low rate",
        "workloads/digits_cnn.yaml",
        "batch norm, 12 epochs of 44 steps, cosine from a rate of 0.0002",
        12,
        ("optimizer.learning_rate=0.0002",),
    ),
    Task(
        "digits, shipped rate", "workloads/digits_cnn.yaml", "batch norm, 12 epochs of 44 steps, cosine from 0.05", 12
    ),
    Task(
        "Fashion-MNIST, low rate",
        "workloads/fashion_mnist_cnn.yaml",
        "batch norm, one epoch of 937 steps, cosine from 0.0005, one seed",
        1,
        ("optimizer.learning_rate=0.0005", "epochs=1"),
        seeds=(1,),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What one run came to; magnitude and mean are those of all weights of convolutions and classifiers at its end."""

    task: Task
    choice: Choice
    seed: int
    accuracy: float
    test_loss: float
    train_loss: float
    magnitude: float
    mean: float


def train_all(runs: Path, data: Path) -> list[Outcome]:
    """Every run: from ``data`` or its folder in ``runs`` where it is finished already."""
    store = Store(runs, Records(data), measured)
    wanted = [(task, choice, seed) for task in TASKS for choice in task.choices for seed in task.seeds]
    kept = [kept_training(store, *one) for one in wanted]
    run_all(kept)
    record_all(kept)
    return [_outcome(*one, training.facts() or {}) for one, training in zip(wanted, kept, strict=True)]


def kept_training(store: Store, task: Task, choice: Choice, seed: int) -> KeptTraining:
    name = f"{task.name}-{choice.format}-{choice.rounding}-seed{seed}".replace(",", "").replace(" ", "_")
    setting = choice.format if choice == FP32 else f"{choice.format} {choice.rounding}"
    labels = {"workload": task.name, "epochs": task.epochs, "setting": setting, "seed": seed}
    return KeptTraining(task.command(choice, seed), name, labels, store)


def _outcome(task: Task, choice: Choice, seed: int, facts: dict[str, Any]) -> Outcome:
    if not facts:
        raise ArithmeticError(f"{task.command(choice, seed)} diverged, and the report has no place for that")
    return Outcome(task, choice, seed, facts["test_accuracy"], *(facts[name] for name in MEASURED))


MEASURED = ("test_loss", "train_loss", "magnitude", "mean")


def measured(folder: Path) -> dict[str, Any]:
    """What the report shows of a finished run, and its size."""
    metrics, weights = pd.read_csv(folder / "metrics.csv"), _weights(folder / "checkpoint.safetensors")
    losses = metrics["test_loss"].dropna().iloc[-1], metrics["train_loss"].tail(LAST_STEPS).mean()
    return summarised(folder) | dict(zip(MEASURED, (*losses, np.abs(weights).mean(), weights.mean()), strict=True))


def _weights(checkpoint: Path) -> np.ndarray:
    """All weights of products as real numbers; integer codes are multiplied out."""
    with safe_open(checkpoint, "np") as stored:
        scales = json.loads(stored.metadata()["accelsim"])["scales"].get("fixed_point", {})
        names = [name for name in stored.keys() if name.endswith(".weight")]  # noqa: SIM118
        return np.concatenate(
            [stored.get_tensor(n).astype(np.float64).ravel() * 0.5 ** scales.get(n, 0) for n in names]
        )
