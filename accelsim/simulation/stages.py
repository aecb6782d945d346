"""The stages of a simulation, in order: trace, timing, data, training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accelsim.datapath import Kernels
from accelsim.energy import area_um2, buffer_area_um2
from accelsim.errors import UserError
from accelsim.formats import Recipe
from accelsim.hardware import HardwareConfig
from accelsim.networks import Traced
from accelsim.progress import Observer, watched
from accelsim.simulation.decides_bits import brought_up
from accelsim.simulation.device_memory import enough_device_memory
from accelsim.simulation.folder import CHECKPOINT_FILE
from accelsim.simulation.inputs import Inputs
from accelsim.timing import Timeline
from accelsim.timing.planned_step import PlannedStep
from accelsim.training import Checkpoint, Trainer, Training, initial_state, load_checkpoint, save_checkpoint
from accelsim.training.datasets import Dataset, read_dataset
from accelsim.training.initial_weights import Values, take_weights
from accelsim.training.loop import Watch, fresh_checkpoint, unwatched
from accelsim.training.records import Records
from accelsim.training.state import state_types
from accelsim.training.trackers import Tracker

Timed = tuple[PlannedStep, Timeline]
"""A step as planned, and what came of it."""


def trace(inputs: Inputs) -> Traced:
    """Record the workload's operations on the accelerator's numerics."""
    return inputs.workload.trace(inputs.recipe)


def trace_emulation(inputs: Inputs, traced: Traced) -> Traced:
    """The same as this computer does it, for every machine of a cluster: their gradients wait for those of the last."""
    return traced if inputs.hw.machines == 1 else inputs.training.trace(inputs.recipe, every_machine=True)


def check_costs(inputs: Inputs) -> None:
    """Look up the area of every unit and memory, and so find out whether the source of costs has them.

    Raises:
        UserError: it isn't installed, or has no model.
    """
    area_um2(inputs.hw)
    buffer_area_um2(inputs.hw)


def plan_step(inputs: Inputs, traced: Traced, runs_as: HardwareConfig | None = None) -> PlannedStep:
    """Plan every operation of the Program on the units and memories; where ``runs_as`` has less, on those.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """
    return PlannedStep(traced.program, runs_as or inputs.hw)


def time_step(step: PlannedStep, observer: Observer) -> Timeline:
    """Replay the planned step."""
    with watched(observer, "time", len(step.program.operations), "operation"):
        timeline = step.simulate(lambda done, total: observer.advance("time"))
        observer.simulated("time", timeline.total_cycles)
        return timeline


def timed_step(
    inputs: Inputs,
    traced: Traced,
    observer: Observer,
    runs_as: HardwareConfig | None = None,
    unset: HardwareConfig | None = None,
) -> Timed:
    """Plan the step and replay it; on what ``unset`` has, which is less, where that takes fewer cycles.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """
    planned = plan_step(inputs, traced, runs_as)
    timed = planned, time_step(planned, observer)
    return timed if unset is None else shorter(timed, timed_on(unset, traced))


def timed_on(machine: HardwareConfig, traced: Traced) -> Timed | None:
    """The step on another machine of the same numerics; None where it doesn't run there."""
    try:
        planned = PlannedStep(traced.program, machine)
    except UserError:
        return None
    return planned, planned.simulate()


def shorter(timed: Timed, lesser: Timed | None) -> Timed:
    """``lesser`` where it takes fewer cycles."""
    return lesser if lesser and lesser[1].total_cycles < timed[1].total_cycles else timed


def read_data(inputs: Inputs, folder: Path | None, observer: Observer) -> Dataset:
    """Load the images, and say what is to be said of the files; ``folder`` overrides the workload's.

    Raises:
        UserError: the files are missing or broken.
    """
    training, batch = inputs.training, inputs.training.batch_size
    dataset = read_dataset(training, folder)
    for note in dataset.notes:
        observer.say(note)
    if batch > len(dataset.train):
        what, kind = "images" if training.network.input_shape else "sequences", training.dataset.kind
        raise UserError(f"{kind} has {len(dataset.train)} training {what}, fewer than a batch_size of {batch}")
    return dataset


def first_checkpoint(inputs: Inputs, traced: Traced, folder: Path | None, observer: Observer) -> Checkpoint:
    """Where training starts: the checkpoint in ``folder``, or the initial values where that is None.

    Raises:
        UserError: the checkpoint is broken, or belongs to another run.
    """
    if folder is None:
        given = _initial_weights(inputs, traced, observer)
        state = initial_state(traced.parameters, inputs.training.seed, inputs.recipe, given)
        return fresh_checkpoint(state, inputs.fingerprint, inputs.described)
    path = folder / CHECKPOINT_FILE
    checkpoint = load_checkpoint(path, inputs.fingerprint, inputs.described, brought_up)
    _check_state(path, checkpoint, traced, inputs.recipe)
    observer.say(f"resumes after step {checkpoint.progress.step}")
    return checkpoint


def train(
    inputs: Inputs,
    dataset: Dataset,
    start: Checkpoint,
    *,
    steps: int | None,
    kernels: Kernels | None,
    out: Path | None,
    quantisers_every: int | None,
    observer: Observer,
    trackers: Sequence[Tracker] = (),
    cycles_per_step: int = 0,
    watch: Watch = unwatched,
) -> Training:
    """Train on the datapath from ``start``; ``out`` holds a checkpoint, and what is recorded, from the first moment on.

    Raises:
        KeyboardInterrupt: with a word on how to go on, where there is a checkpoint.
    """

    def keep(checkpoint: Checkpoint) -> None:
        if out:
            save_checkpoint(checkpoint, out / CHECKPOINT_FILE)

    keep(start)
    trainer = Trainer(
        inputs.training.build(),
        inputs.recipe,
        inputs.training,
        dataset,
        start,
        steps=steps,
        kernels=kernels,
        observer=observer,
        keep=keep,
        records=Records(out, quantisers_every, trackers),
        watch=watch,
        cycles_per_step=cycles_per_step,
    )
    try:
        with enough_device_memory(inputs, kernels):
            return trainer.run()
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(*([f"{out} goes on with --resume"] if out else [])) from error


def _initial_weights(inputs: Inputs, traced: Traced, observer: Observer) -> Values:
    """The values of the workload's weights file, and a word on what it and the network don't have in common."""
    if inputs.training.initial_weights is None:
        return {}
    taken = take_weights(Path(inputs.training.initial_weights), traced.parameters)
    said = [f"{len(taken.values)} tensors from {inputs.training.initial_weights}"]
    said += [f"drawn from the seed: {', '.join(taken.drawn)}"] if taken.drawn else []
    said += [f"not in the network: {', '.join(taken.unused)}"] if taken.unused else []
    observer.say("initial weights: " + "; ".join(said))
    return taken.values


def _check_state(path: Path, checkpoint: Checkpoint, traced: Traced, recipe: Recipe) -> None:
    parameters, state = traced.parameters, checkpoint.state
    other = sorted(parameters.keys() ^ state.keys())
    other += [name for name, parameter in parameters.items() if name in state and state[name].shape != parameter.shape]
    if other:
        raise UserError(f"{path}: does not hold the network's tensors ({other[0]} differs); delete it to start over")
    for name, parameter in parameters.items():
        found, types = state[name].dtype, state_types(recipe[parameter.role].format)
        if found not in types:
            raise UserError(
                f"{path}: {name} is {found}, and {' or '.join(map(str, types))} is expected; delete it to start over"
            )
