"""``simulate``: one accelerator on one workload, from files to a Result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accelsim.datapath import Kernels, choose_kernels
from accelsim.datapath.backends import check_names
from accelsim.errors import UserError, whole
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import Topology, Traced, Workload
from accelsim.progress import Observer
from accelsim.reports.result import Result
from accelsim.reports.run_folder import load, save
from accelsim.reports.scalesim import write_scalesim_reports
from accelsim.simulation import stages
from accelsim.simulation.assemble import assemble, step_cost
from accelsim.simulation.blame import blaming
from accelsim.simulation.decides_bits import deciding_fields
from accelsim.simulation.device_memory import check_device_memory
from accelsim.simulation.folder import check_folder, check_reports, prepare_folder
from accelsim.simulation.held_folder import held_folder
from accelsim.simulation.host import check_memory
from accelsim.simulation.idle import lesser_machine, stored_lesser, told_apart, unset_machine
from accelsim.simulation.inputs import Inputs, read_inputs
from accelsim.simulation.recorded import foreseen
from accelsim.simulation.settings import sorted_settings
from accelsim.timing import Timeline
from accelsim.training import Checkpoint, Training
from accelsim.training.changes import changed_fields
from accelsim.training.datasets import Dataset
from accelsim.training.loop import Watch, unwatched
from accelsim.training.trackers import TRACKERS, Tracker, check_trackers


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
    quantisers_every: int | None = None,
    track: Sequence[str] = (),
    scalesim_reports: Path | str | None = None,
    runs_as: HardwareConfig | Path | str | None = None,
    watch: Watch | None = None,
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
        settings: fields of either file to change, as ``numerics.activation.format=int4``. A machine that gets more of
            something so is timed as that of its file, too, and is no slower.
        timing_only: no data, no training.
        backend: kernels that train, ``compiled`` or ``numpy``; by default the fastest. Integer machines: the same bits.
        device: where they train: ``gpu``, ``cpu``, or ``auto``, a GPU where CuPy sees one.
        resume: go on from the checkpoint in ``out``; the result has the very same bits.
        force: overwrite a run that stands in ``out``; with ``resume``, only the figures of a finished one that had
            another hwconfig with the same numerics.
        quantisers_every: record every quantiser's scale, saturation, zeros and noise in each step that this divides,
            beside the last of each epoch; changes no bit.
        track: trackers that follow the training live, as ``tensorboard``; each writes into a folder of its name in
            ``out``, and changes no bit.
        scalesim_reports: folder for SCALE-Sim's three report files.
        runs_as: a machine with no more of anything than this one, or the path of its YAML file. What is beyond it stays
            idle: the step takes the cycles of that machine, at this one's energy and area.
        watch: called with each training step, from 1 on, that is about to begin, and with the datapath's context; who
            it returns sees all operations of the step with their values (``datapath.KeptTensors``). Changes no bit.
        observer: hears of progress.

    Raises:
        UserError: any input is wrong; nothing is written then.
    """
    observer = observer or Observer()
    steps, quantisers_every = whole("steps", steps), whole("quantisers_every", quantisers_every)
    _check_options(steps=steps, timing_only=timing_only, resume=resume, quantisers_every=quantisers_every)
    _check_track(track, timing_only=timing_only, out=out)
    if watch is not None and timing_only:
        raise UserError("timing_only trains nothing, so there is nothing to watch; leave one of them out")
    if resume and out is None:
        raise UserError("resume: a training goes on in its run folder; give out, too")
    check_names(backend, device)
    kernels = None if timing_only else choose_kernels(backend, device, observer.say)
    inputs = read_inputs(hwconfig, workload, epochs=epochs, seed=seed, settings=settings)
    if timing_only and data is not None and not os.path.exists(data):
        raise UserError(f"{data}: there is no such folder")
    stages.check_costs(inputs)
    lesser = None if runs_as is None else lesser_machine(inputs.hw, runs_as)
    folder, reports = (None if path is None else Path(path) for path in (out, scalesim_reports))
    check_reports(reports, force=force)
    for_hardware, for_workload = sorted_settings(settings)
    run = _Run(
        inputs=inputs,
        planned_on=(hwconfig, for_hardware) if lesser is None else (runs_as, ()),
        workload=workload,
        settings=for_workload,
        data=Path(data) if data else None,
        steps=steps,
        timing_only=timing_only,
        kernels=kernels,
        quantisers_every=quantisers_every,
        track=track,
        folder=folder,
        reports=reports,
        runs_as=lesser,
        unset=None if runs_as else unset_machine(hwconfig, for_hardware, inputs.hw),
        resume=resume,
        force=force,
        watch=watch,
        observer=observer,
    )
    with held_folder(folder):
        return run.result()


@dataclass(frozen=True)
class _Run:
    """A simulation whose inputs are read.

    ``planned_on``: where the machine that the step is planned on comes from, with the settings laid over it;
    ``settings`` are those of the workload. ``runs_as``: a machine with less that is asked for; ``unset``: that of the
    file without settings, where it has less, and which the step runs on where that takes fewer cycles.
    """

    inputs: Inputs
    planned_on: tuple[object, Sequence[str]]
    workload: Workload | Topology | Path | str
    settings: Sequence[str]
    data: Path | None
    steps: int | None
    timing_only: bool
    kernels: Kernels | None
    quantisers_every: int | None
    track: Sequence[str]
    folder: Path | None
    reports: Path | None
    runs_as: HardwareConfig | None
    unset: HardwareConfig | None
    resume: bool
    force: bool
    watch: Watch | None
    observer: Observer

    def result(self) -> Result:
        """Simulate, and write what is to be written."""
        finished = check_folder(self.folder, resume=self.resume, force=self.force)
        if self.folder and finished and not self.force:
            _check_machine(self.folder, self.inputs, [self.runs_as, self.unset] if self.unset else [self.runs_as])
        traced = stages.trace(self.inputs)
        dataset = None if self.timing_only else self._dataset()
        with blaming(*self.planned_on):
            timed = stages.timed_step(self.inputs, traced, self.observer, self.runs_as, self.unset)
        planned, timeline = timed
        start = self._start(traced) if dataset is not None else None
        if self.folder:
            prepare_folder(self.folder, resume=self.resume)
        if self.reports:
            write_scalesim_reports(traced.program, timeline, planned.hw, self.reports)
        training = None
        if dataset is not None and start is not None:
            training = self._train(dataset, start, traced, timeline)
            if self.folder and finished and (stored := self._unchanged(self.folder, training, timed)):
                return stored
        result = assemble(self.inputs, traced, planned, timeline, training, dataset)
        if self.folder:
            save(result, self.folder)
        return result

    def _dataset(self) -> Dataset:
        with blaming(self.workload, self.settings):
            return stages.read_data(self.inputs, self.data, self.observer)

    def _start(self, traced: Traced) -> Checkpoint:
        emulated = stages.trace_emulation(self.inputs, traced)
        check_memory(emulated)
        check_device_memory(self.inputs, emulated, self.kernels)
        # What is known before the hours that a training may take is said before them.
        for text in foreseen(self.inputs, traced.program):
            self.observer.say(f"warning: {text}")
        return stages.first_checkpoint(self.inputs, traced, self.folder if self.resume else None, self.observer)

    def _train(self, dataset: Dataset, start: Checkpoint, traced: Traced, timeline: Timeline) -> Training:
        return stages.train(
            self.inputs,
            dataset,
            start,
            steps=self.steps,
            kernels=self.kernels,
            out=self.folder,
            quantisers_every=self.quantisers_every,
            observer=self.observer,
            trackers=self._trackers(traced, timeline),
            cycles_per_step=timeline.total_cycles,
            watch=self.watch or unwatched,
        )

    def _trackers(self, traced: Traced, timeline: Timeline) -> list[Tracker]:
        if not self.track or self.folder is None:
            return []
        cost = step_cost(self.inputs, traced, timeline)
        return [TRACKERS[name][0](self.folder / name, cost) for name in dict.fromkeys(self.track)]

    def _unchanged(self, folder: Path, training: Training, timed: stages.Timed) -> Result | None:
        """What stands in the folder, where no step was left to do and the machine is the same.

        Who asks for new figures by ``force`` gets those of other cycles, too: of the machine that an older version ran
        as, its name alone is known.
        """
        if training.train_images_per_s is not None:
            return None
        stored = load(folder)
        if stored.hwconfig != self.inputs.hw.model_dump(mode="json"):
            return None
        planned, timeline = timed
        before, now = told_apart(stored_lesser(folder), None if planned.hw == self.inputs.hw else planned.hw)
        if before != now:
            return None
        if self.force and stored.summary["total_cycles"] != timeline.total_cycles:
            return None
        self.observer.say(f"{folder} was finished already")
        return stored


def _check_options(*, steps: int | None, timing_only: bool, resume: bool, quantisers_every: int | None) -> None:
    if steps is not None and steps < 1:
        raise UserError(f"steps must be at least 1, not {steps}")
    if quantisers_every is not None and quantisers_every < 1:
        raise UserError(f"quantisers_every must be at least 1, not {quantisers_every}")
    if steps is not None and timing_only:
        raise UserError("--timing-only trains nothing, so no figure depends on --steps; leave one of them out")
    if quantisers_every is not None and timing_only:
        raise UserError("--timing-only trains nothing, so there is nothing to record; leave --quantisers-every out")
    if resume and timing_only:
        raise UserError("--timing-only trains nothing, so there is nothing to --resume; use --force to time again")


def _check_track(track: Sequence[str], *, timing_only: bool, out: Path | str | None) -> None:
    check_trackers(track)
    if track and timing_only:
        raise UserError("--timing-only trains nothing, so there is nothing to follow; leave --track out")
    if track and out is None:
        raise UserError(f"track: {track[0]} writes into the run folder; give out, too")


def _check_machine(folder: Path, inputs: Inputs, run_as: Sequence[HardwareConfig | None]) -> None:
    """Refuse to replace a finished run's figures by those of another machine that trains the same bits.

    ``run_as``: machines as any of which it may run.
    """
    others = {"description": True, **deciding_fields(inputs.hw)}
    stored = load_hwconfig(folder / "hwconfig.yaml").model_dump(mode="json", exclude=others)
    kept = stored_lesser(folder)
    before, now = min((told_apart(kept, machine) for machine in run_as), key=lambda pair: pair[0] != pair[1])
    asked = inputs.hw.model_dump(mode="json", exclude=others)
    changed = changed_fields({**stored, "runs_as": before}, {**asked, "runs_as": now})
    if changed:
        raise UserError(
            f"{folder}: holds a finished run of another hwconfig: {changed}; give the same one, or another --out; "
            "--resume --force keeps the training and replaces the figures"
        )
