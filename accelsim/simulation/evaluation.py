"""``evaluate``: trained weights on an accelerator's numerics, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.datapath import Datapath, choose_kernels
from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Workload
from accelsim.progress import Observer
from accelsim.reports.run_folder import other_contents
from accelsim.simulation import stages
from accelsim.simulation.device_memory import enough_device_memory
from accelsim.simulation.folder import CHECKPOINT_FILE
from accelsim.simulation.host import check_evaluation_memory
from accelsim.simulation.inputs import Inputs, read_inputs
from accelsim.training.calibration import calibrate
from accelsim.training.evaluation import score
from accelsim.training.trained import Trained, fitted, read_trained

CALIBRATION_IMAGES = 1024


@dataclass(frozen=True)
class Evaluation:
    """Test accuracy and loss of trained weights, and what they had at the end of their own training."""

    hwconfig: str
    workload: str
    weights: str
    test_accuracy: float
    test_loss: float
    test_images: int
    calibration_images: int
    """Training images that ranges of activations were measured on; 0 where the weights' training knew them."""
    steps: int
    """Training steps behind the weights."""
    trained_test_accuracy: float | None
    trained_test_loss: float | None
    backend: str


def evaluate(
    run: Path | str | None = None,
    *,
    hwconfig: HardwareConfig | Path | str | None = None,
    workload: Workload | Topology | Path | str | None = None,
    weights: Path | str | None = None,
    data: Path | str | None = None,
    settings: Sequence[str] = (),
    calibration_images: int = CALIBRATION_IMAGES,
    backend: str | None = None,
    device: str = "auto",
    observer: Observer | None = None,
) -> Evaluation:
    """Test accuracy and loss of a run's checkpoint, or of any weights, bit by bit as the accelerator computes them.

    On the machine that trained them these are the figures of the end of the training. On another one weights are
    rounded to its formats, and ranges of activations that the training did not need are measured on training images.

    Args:
        run: run folder of a training; its hwconfig, workload and checkpoint are what the next three leave open.
        hwconfig: an accelerator, or the path of its YAML file.
        workload: the network and its data set, or the path of its YAML file.
        weights: a checkpoint, or a safetensors file of values by name; the workload's initial weights without a run.
        data: folder of the data set's files.
        settings: fields of either file to change, as ``numerics.activation.format=int4``.
        calibration_images: most training images to measure ranges on.
        backend: kernels, ``compiled`` or ``numpy``; the same bits on integer machines.
        device: ``gpu``, ``cpu``, or ``auto``, a GPU where CuPy sees one.
        observer: hears of progress.

    Raises:
        UserError: a file is missing or wrong, or the weights are another network's.
    """
    observer = observer or Observer()
    if calibration_images < 1:
        raise UserError(f"calibration images must be at least 1, not {calibration_images}")
    kernels = choose_kernels(backend, device, observer.say)
    folder = None if run is None else _trained_folder(Path(run))
    inputs = read_inputs(
        _given(hwconfig, folder, "hwconfig.yaml"), _given(workload, folder, "workload.yaml"), settings=settings
    )
    file, network, recipe = _weights(weights, folder, inputs), inputs.training.build(), inputs.recipe
    check_evaluation_memory(network, recipe)
    trained = read_trained(file, of_run=folder is not None and weights is None)
    state, scales = fitted(trained, stages.trace(inputs).parameters, recipe)
    dataset = stages.read_data(inputs, Path(data) if data else None, observer)
    check_evaluation_memory(network, recipe, len(dataset.test))
    machine = Datapath(recipe, dict(state), seed=inputs.training.seed, scales=scales, kernels=kernels)
    step, workers, calibrated = trained.progress.step, inputs.training.dataset.workers, 0
    with enough_device_memory(inputs, kernels):
        if folder is None or hwconfig or workload or weights or settings:
            calibrated = calibrate(network, machine, dataset, calibration_images, step=step, observer=observer)
        found = score(network, machine, dataset, dataset.test, step=step, workers=workers, observer=observer)
    return Evaluation(
        hwconfig=inputs.hw.name,
        workload=inputs.workload.name,
        weights=str(trained.path),
        test_accuracy=found.accuracy,
        test_loss=found.loss,
        test_images=len(dataset.test),
        calibration_images=calibrated,
        steps=step,
        **_at_the_end(trained),
        backend=kernels.name,
    )


def _trained_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise UserError(f"{folder}: {'is a file, not a run folder' if folder.exists() else 'there is no such folder'}")
    checkpoint = folder / CHECKPOINT_FILE
    if not checkpoint.is_file():
        timed = (folder / "summary.json").is_file()
        what = other_contents(folder) or ("holds a run that was only timed" if timed else "is no run folder")
        raise UserError(f"{folder}: {what} (no {CHECKPOINT_FILE}), so there is nothing to evaluate")
    return folder


def _given(chosen: Any, folder: Path | None, name: str) -> Any:
    """What the user chose, or else the file of the run."""
    if chosen is not None:
        return chosen
    if folder is None:
        raise UserError(
            f"evaluate takes a run folder, or a hwconfig and a workload; {name.partition('.')[0]} is missing"
        )
    if not (folder / name).is_file():
        raise UserError(
            f"{folder}: has no {name}, as its training is not finished; give HWCONFIG WORKLOAD "
            f"--weights {folder / CHECKPOINT_FILE}"
        )
    return folder / name


def _weights(chosen: Path | str | None, folder: Path | None, inputs: Inputs) -> Path:
    if chosen is not None:
        return Path(chosen)
    if folder is not None:
        return folder / CHECKPOINT_FILE
    if inputs.training.initial_weights is None:
        raise UserError("evaluate needs weights: --weights FILE.safetensors, or initial_weights in the workload")
    return Path(inputs.training.initial_weights)


def _at_the_end(trained: Trained) -> dict[str, float | None]:
    """The figures of the training's last evaluation, where no step came after it."""
    rows = trained.progress.rows
    last = rows[-1] if rows and rows[-1]["step"] == trained.progress.step else {}
    return {f"trained_{name}": last.get(name) for name in ("test_accuracy", "test_loss")}
