"""``simulate``: one accelerator on one workload, from files to a Result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from accelsim.datapath import choose_kernels
from accelsim.datapath.backends import check_names
from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import Topology, Workload
from accelsim.progress import Observer
from accelsim.reports.result import Result
from accelsim.reports.run_folder import load, save
from accelsim.reports.scalesim import write_scalesim_reports
from accelsim.simulation import stages
from accelsim.simulation.assemble import assemble
from accelsim.simulation.blame import blaming
from accelsim.simulation.device_memory import check_device_memory
from accelsim.simulation.folder import check_folder, check_reports, prepare_folder
from accelsim.simulation.held_folder import held_folder
from accelsim.simulation.host import check_memory
from accelsim.simulation.inputs import DECIDES_BITS, Inputs, read_inputs, sorted_settings
from accelsim.training.changes import changed_fields


def simulate(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Topology | Path | str,
    *,
    out: Path | str | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    data: Path | str | None = None,
    settings: Sequence[str] = (),
    timing_only: bool = False,
    backend: str | None = None,
    device: str = "auto",
    resume: bool = False,
    force: bool = False,
    scalesim_reports: Path | str | None = None,
    observer: Observer | None = None,
) -> Result:
    """Time one training step of ``workload`` on ``hwconfig``, and train it bit by bit unless ``timing_only``.

    Args:
        hwconfig: an accelerator, or the path of its YAML file.
        workload: a network and its recipe, or products alone; or the path of its YAML file or SCALE-Sim topology.
        out: run folder to write; nothing is written without it.
        epochs: instead of the workload's.
        steps: stop after this many training steps.
        seed: instead of the workload's.
        data: folder of the data set's files.
        settings: fields of either file to change, as ``numerics.activation.format=int4``.
        timing_only: no data, no training.
        backend: kernels that train, ``compiled`` or ``numpy``; the fastest by default, the same bits with any.
        device: where they train: ``gpu``, ``cpu``, or ``auto``, a GPU where CuPy sees one.
        resume: go on from the checkpoint in ``out``; the result has the very same bits.
        force: overwrite a run that stands in ``out``; with ``resume``, only the figures of a finished one that had
            another hwconfig with the same numerics.
        scalesim_reports: folder for SCALE-Sim's three report files.
        observer: hears of progress.

    Raises:
        UserError: any input is wrong; nothing is written then.
    """
    observer = observer or Observer()
    _check_options(steps=steps, timing_only=timing_only, resume=resume)
    check_names(backend, device)
    kernels = None if timing_only else choose_kernels(backend, device, observer.say)
    inputs = read_inputs(hwconfig, workload, epochs=epochs, seed=seed, settings=settings)
    if timing_only and data is not None and not os.path.exists(data):
        raise UserError(f"{data}: there is no such folder")
    stages.check_costs(inputs)
    folder, reports = (None if path is None else Path(path) for path in (out, scalesim_reports))
    check_reports(reports, force=force)
    with held_folder(folder):
        finished = check_folder(folder, resume=resume, force=force)
        if folder and finished and not force:
            _check_machine(folder, inputs)
        traced = stages.trace(inputs)
        for_hardware, for_workload = sorted_settings(settings)
        dataset = None
        if not timing_only:
            with blaming(workload, for_workload):
                dataset = stages.read_data(inputs, Path(data) if data else None, observer)
        with blaming(hwconfig, for_hardware):
            planned = stages.plan_step(inputs, traced)
            timeline = stages.time_step(planned, observer)
        start = None
        if dataset is not None:
            check_memory(traced)
            check_device_memory(inputs, traced, kernels)
            start = stages.first_checkpoint(inputs, traced, folder if resume else None, observer)
        if folder:
            prepare_folder(folder, resume=resume)
        if reports:
            write_scalesim_reports(traced.program, timeline, inputs.hw, reports)
        training = None
        if dataset is not None and start is not None:
            training = stages.train(inputs, dataset, start, steps=steps, kernels=kernels, out=folder, observer=observer)
            if folder and finished and training.train_images_per_s is None:
                stored = load(folder)
                if stored.hwconfig == inputs.hw.model_dump(mode="json"):
                    observer.say(f"{folder} was finished already")
                    return stored
        result = assemble(inputs, traced, planned, timeline, training, dataset)
        if folder:
            save(result, folder)
        return result


def _check_options(*, steps: int | None, timing_only: bool, resume: bool) -> None:
    if steps is not None and steps < 1:
        raise UserError(f"steps must be at least 1, not {steps}")
    if resume and timing_only:
        raise UserError("--timing-only trains nothing, so there is nothing to --resume; use --force to time again")


def _check_machine(folder: Path, inputs: Inputs) -> None:
    """Refuse to replace a finished run's figures by those of another machine that trains the same bits."""
    others = {"description": True, **DECIDES_BITS}
    stored = load_hwconfig(folder / "hwconfig.yaml").model_dump(mode="json", exclude=others)
    changed = changed_fields(stored, inputs.hw.model_dump(mode="json", exclude=others))
    if changed:
        raise UserError(
            f"{folder}: holds a finished run of another hwconfig: {changed}; give the same one, or another --out; "
            "--resume --force keeps the training and replaces the figures"
        )
