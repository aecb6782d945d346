"""The stages of a simulation, in order: inputs, trace, timing and energy, training, result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import UserError
from accelsim.formats import Recipe
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import Traced, Workload, load_workload
from accelsim.progress import Observer, watched
from accelsim.timing import Timeline, simulate
from accelsim.training import Checkpoint, Trainer, Training, initial_state, load_checkpoint, save_checkpoint
from accelsim.training.datasets import Dataset, class_count, image_shape, load_dataset
from accelsim.training.loop import fresh_checkpoint

CHECKPOINT_FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class Inputs:
    """What is simulated: an accelerator and a workload, with the overrides of this run applied."""

    hw: HardwareConfig
    workload: Workload

    @property
    def recipe(self) -> Recipe:
        return self.hw.recipe()

    @property
    def fingerprint(self) -> str:
        """Stands for everything that decides a bit of the training (not for where the data lies)."""
        described = {
            "hwconfig": self.hw.model_dump(mode="json", include={"numerics", "norm_unit", "mac_array"}),
            "workload": self.workload.model_dump(mode="json", exclude={"name", "description"}),
        }
        described["workload"]["dataset"].pop("folder")
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def read_inputs(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Path | str,
    *,
    epochs: int | None = None,
    seed: int | None = None,
) -> Inputs:
    """Load and check both files, and apply the overrides.

    Raises:
        UserError: a file or an override is wrong.
    """
    hw = hwconfig if isinstance(hwconfig, HardwareConfig) else load_hwconfig(hwconfig)
    recipe = workload if isinstance(workload, Workload) else check_workload(workload)
    if epochs is not None and epochs < 1:
        raise UserError(f"epochs must be at least 1, not {epochs}")
    if seed is not None and not 0 <= seed < 2**32:
        raise UserError(f"seed must be from 0 to 2^32 - 1, not {seed}")
    overrides = {"epochs": epochs, "seed": seed}
    changed = recipe.model_copy(update={name: value for name, value in overrides.items() if value is not None})
    return Inputs(hw, changed)


def check_workload(path: Path | str) -> Workload:
    """Load a workload file and hold its network against its data set.

    Raises:
        UserError: the file is wrong, or the data set has other images or classes.
    """
    workload = load_workload(path)
    try:
        _check_dataset(workload)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return workload


def trace(inputs: Inputs) -> Traced:
    """Record one training step of the workload on the accelerator's numerics."""
    workload = inputs.workload
    return workload.build().trace(inputs.recipe, workload.optimizer, workload.batch_size)


def time_step(inputs: Inputs, traced: Traced, observer: Observer) -> Timeline:
    """Replay the Program on the units and memories."""
    with watched(observer, "time", len(traced.program.operations), "operation"):
        return simulate(traced.program, inputs.hw, lambda done, total: observer.advance("time"))


def read_data(inputs: Inputs, folder: Path | None) -> Dataset:
    """Load the images; ``folder`` overrides the workload's.

    Raises:
        UserError: the files are missing or broken.
    """
    field = inputs.workload.dataset
    chosen = folder or (Path(field.folder).expanduser() if field.folder else None)
    return load_dataset(field.kind, chosen)


def train(
    inputs: Inputs,
    traced: Traced,
    dataset: Dataset,
    *,
    steps: int | None,
    out: Path | None,
    resume: bool,
    observer: Observer,
) -> Training:
    """Train on the datapath, from the checkpoint in ``out`` where ``resume`` asks for it."""
    start = _start(inputs, traced, out if resume else None, observer)
    path = out / CHECKPOINT_FILE if out else None

    def keep(checkpoint: Checkpoint) -> None:
        if path:
            save_checkpoint(checkpoint, path)

    trainer = Trainer(
        inputs.workload.build(),
        inputs.recipe,
        inputs.workload,
        dataset,
        start,
        steps=steps,
        observer=observer,
        keep=keep,
    )
    training = trainer.run()
    keep(training.checkpoint)
    return training


def _start(inputs: Inputs, traced: Traced, folder: Path | None, observer: Observer) -> Checkpoint:
    if folder and (folder / CHECKPOINT_FILE).is_file():
        checkpoint = load_checkpoint(folder / CHECKPOINT_FILE, inputs.fingerprint)
        observer.say(f"resumes after step {checkpoint.progress.step}")
        return checkpoint
    return fresh_checkpoint(initial_state(traced.parameters, inputs.workload.seed), inputs.fingerprint)


def _check_dataset(workload: Workload) -> None:
    kind, network = workload.dataset.kind, workload.network
    if image_shape(kind) != network.input_shape:
        raise UserError(f"network.input_shape is {network.input_shape}, but {kind} has images of {image_shape(kind)}")
    if class_count(kind) != network.classes:
        raise UserError(f"network.classes is {network.classes}, but {kind} has {class_count(kind)}")
