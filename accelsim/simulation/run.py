"""``simulate``: one accelerator on one workload, from files to a Result."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig
from accelsim.networks import Workload
from accelsim.progress import Observer
from accelsim.reports.result import Result
from accelsim.reports.run_folder import SUMMARY_FILE, load, save
from accelsim.simulation import stages
from accelsim.simulation.assemble import assemble


def simulate(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Path | str,
    *,
    out: Path | str | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    data: Path | str | None = None,
    timing_only: bool = False,
    resume: bool = False,
    force: bool = False,
    observer: Observer | None = None,
) -> Result:
    """Time one training step of ``workload`` on ``hwconfig``, and train it bit by bit unless ``timing_only``.

    Args:
        hwconfig: an accelerator, or the path of its YAML file.
        workload: a network and its recipe, or the path of its YAML file.
        out: run folder to write; nothing is written without it.
        epochs: instead of the workload's.
        steps: stop after this many training steps.
        seed: instead of the workload's.
        data: folder of the data set's files.
        timing_only: no data, no training.
        resume: go on from the checkpoint in ``out``; the result has the very same bits.
        force: overwrite a run that stands in ``out``.
        observer: hears of progress.

    Raises:
        UserError: any input is wrong; nothing is written then.
    """
    observer = observer or Observer()
    if steps is not None and steps < 1:
        raise UserError(f"steps must be at least 1, not {steps}")
    inputs = stages.read_inputs(hwconfig, workload, epochs=epochs, seed=seed)
    folder = Path(out) if out is not None else None
    finished = check_folder(folder, resume=resume, force=force)
    dataset = None if timing_only else stages.read_data(inputs, Path(data) if data else None)
    traced = stages.trace(inputs)
    timeline = stages.time_step(inputs, traced, observer)
    training = None
    if dataset is not None:
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        training = stages.train(inputs, traced, dataset, steps=steps, out=folder, resume=resume, observer=observer)
        if folder and finished and training.train_images_per_s is None:
            observer.say(f"{folder} was finished already")
            return load(folder)
    result = assemble(inputs, traced, timeline, training, dataset)
    if folder:
        save(result, folder)
    return result


def check_folder(folder: Path | None, *, resume: bool, force: bool) -> bool:
    """True when ``folder`` holds a finished run that may be gone on with.

    Raises:
        UserError: it is a file, or holds a run that nobody said may be overwritten.
    """
    if folder is None or not folder.exists():
        if resume and folder is not None:
            raise UserError(f"{folder}: there is no run to resume")
        return False
    if not folder.is_dir():
        raise UserError(f"{folder}: is a file, not a folder")
    finished = (folder / SUMMARY_FILE).is_file()
    started = finished or (folder / stages.CHECKPOINT_FILE).is_file()
    if started and not (resume or force):
        raise UserError(f"{folder}: holds a run already; --resume goes on with it, --force overwrites it")
    return finished and resume
