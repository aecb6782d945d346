"""``precision``: train as ``simulate`` does, and look at chosen steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, SupportsIndex

import pandas as pd

from accelsim.datapath import Kernels, choose_kernels
from accelsim.datapath.context import Context
from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import Topology, Traced, Workload
from accelsim.progress import Observer
from accelsim.reports.precision.aggregate import DEFAULT_COSINE
from accelsim.reports.precision.classes import HISTOGRAM_COLUMNS, PRECISION_COLUMNS
from accelsim.reports.precision.folder import FILES, save_precision
from accelsim.reports.precision.result import PrecisionResult
from accelsim.reports.precision.tables import steps_text
from accelsim.reports.schema import TRAINING_METRICS
from accelsim.simulation import stages
from accelsim.simulation.assemble import versions
from accelsim.simulation.device_memory import check_device_memory
from accelsim.simulation.held_folder import held_folder
from accelsim.simulation.host import check_memory
from accelsim.simulation.inputs import Inputs, read_inputs
from accelsim.studies.precision.looking import Look, Question
from accelsim.studies.precision.steps import Step, chosen_steps
from accelsim.training.checkpoint import Progress
from accelsim.training.datasets import Dataset

DEFAULT_BITS = (*range(2, 13), 16)
FEWEST_BITS, MOST_BITS = 2, 24


def precision(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Path | str,
    *,
    bits: Sequence[int] = DEFAULT_BITS,
    at: Sequence[Step] | None = None,
    every: int | None = None,
    cosine: float = DEFAULT_COSINE,
    quantisers: HardwareConfig | Path | str | None = None,
    out: Path | str | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    data: Path | str | None = None,
    settings: Sequence[str] = (),
    backend: str | None = None,
    device: str = "auto",
    force: bool = False,
    observer: Observer | None = None,
) -> PrecisionResult:
    """Train ``workload`` on ``hwconfig`` and ask, in some steps, what each number of ``bits`` would do to every tensor.

    The training has the bits that ``simulate`` gives it: looking changes none.

    Args:
        hwconfig: an accelerator, or the path of its YAML file.
        workload: a network and its recipe, or the path of its YAML file.
        bits: widths of integers to try, from 2 to 24.
        at: steps to look at, from 1, or "last"; by default eight from the first to the last.
        every: look at each step that this divides, in place of ``at``.
        cosine: the mean cosine less a standard deviation that counts as enough; a rule of thumb.
        quantisers: an accelerator whose scales and roundings are tried, where they aren't those of ``hwconfig``.
        out: folder to write; nothing is written without it.
        epochs: instead of the workload's.
        steps: stop after this many training steps.
        seed: instead of the workload's.
        data: folder of the data set's files.
        settings: fields of either file to change.
        backend: kernels, ``compiled`` or ``numpy``.
        device: ``gpu``, ``cpu`` or ``auto``.
        force: overwrite a study that stands in ``out``.
        observer: hears of progress.

    Raises:
        UserError: any input is wrong; nothing is written then.
        KeyboardInterrupt: Ctrl-C or a request to end; what was looked at until then is written.
    """
    observer = observer or Observer()
    _check_options(bits, cosine, steps)
    folder = None if out is None else Path(out)
    kernels = choose_kernels(backend, device, observer.say)
    inputs = read_inputs(hwconfig, workload, epochs=epochs, seed=seed, settings=settings)
    if isinstance(inputs.workload, Topology):
        raise UserError(f"{inputs.workload.name} is a topology, which has nothing to train and so nothing to look at")
    traced = inputs.training.trace(inputs.recipe)
    study = _Study(
        inputs=inputs,
        traced=traced,
        quantisers=_machine(quantisers) or inputs.hw,
        bits=tuple(sorted({int(width) for width in bits})),
        cosine=cosine,
        kernels=kernels,
        steps=steps,
        observer=observer,
    )
    _check_free(folder, force=force)
    with held_folder(folder):
        dataset = stages.read_data(inputs, Path(data) if data else None, observer)
        result = study.result(dataset, at, every)
        if folder:
            save_precision(result, folder)
    if not result.summary["complete"]:
        kept = f"{folder} has {steps_text(result.summary['steps_looked_at'])}"
        raise KeyboardInterrupt(*([kept] if folder else []))
    return result


class _Reached(NamedTuple):
    """Where the training ended, and whether that is where it was to end."""

    progress: Progress
    epochs: float
    complete: bool


@dataclass
class _Study:
    inputs: Inputs
    traced: Traced
    quantisers: HardwareConfig
    bits: tuple[int, ...]
    cosine: float
    kernels: Kernels
    steps: int | None
    observer: Observer

    def result(self, dataset: Dataset, at: Sequence[Step] | None, every: int | None) -> PrecisionResult:
        """Train and look. A training that is interrupted leaves what was looked at, and a summary that says so.

        Raises:
            UserError: there is no such step to look at, or the training diverges.
            KeyboardInterrupt: before any step was looked at.
        """
        epoch_steps = len(dataset.train) // self.inputs.training.batch_size
        total = self.inputs.training.epochs * epoch_steps
        chosen = chosen_steps(total if self.steps is None else min(self.steps, total), at, every)
        emulated = stages.trace_emulation(self.inputs, self.traced)
        check_memory(emulated)
        check_device_memory(self.inputs, emulated, self.kernels)
        last_uses, rules = self.traced.program.last_uses(), self.inputs.training.fitted(self.quantisers.recipe())
        looks: list[Look] = []

        def watch(step: int, context: Context) -> Look | None:
            if step not in chosen:
                return None
            looks.append(Look(step, context, Question(self.bits, rules, last_uses)))
            return looks[-1]

        start = stages.first_checkpoint(self.inputs, self.traced, None, self.observer)
        complete = True
        try:
            stages.train(
                self.inputs,
                dataset,
                start,
                steps=self.steps,
                kernels=self.kernels,
                out=None,
                quantisers_every=None,
                observer=self.observer,
                watch=watch,
            )
        except KeyboardInterrupt:
            # The second one ends a step in its middle, and the look at it with it.
            looks = [look for look in looks if look.found.step <= start.progress.step]
            if not looks:
                raise
            complete = False
        return self._assembled(_Reached(start.progress, start.progress.step / epoch_steps, complete), looks)

    def _assembled(self, reached: _Reached, looks: list[Look]) -> PrecisionResult:
        rows = [row for look in looks for row in look.found.rows]
        metrics = pd.DataFrame(reached.progress.rows, columns=TRAINING_METRICS).astype(float)
        return PrecisionResult(
            hwconfig=self.inputs.hw.model_dump(mode="json"),
            workload=self.inputs.training.model_dump(mode="json"),
            summary=self._summary(reached, metrics, looks),
            precision=pd.DataFrame(rows, columns=list(PRECISION_COLUMNS)),
            histograms=pd.DataFrame(looks[-1].found.histograms, columns=list(HISTOGRAM_COLUMNS)),
            metrics=metrics,
            versions=versions(),
        )

    def _summary(self, reached: _Reached, metrics: pd.DataFrame, looks: list[Look]) -> dict[str, Any]:
        tested = metrics.dropna(subset="test_accuracy")
        last = tested.iloc[-1] if len(tested) else None
        return {
            "hwconfig": self.inputs.hw.name,
            "workload": self.inputs.training.name,
            "quantisers": self.quantisers.name,
            "bits": list(self.bits),
            "steps_looked_at": [look.found.step for look in looks],
            "cosine": self.cosine,
            "steps": reached.progress.step,
            "epochs": reached.epochs,
            "seed": self.inputs.training.seed,
            "test_accuracy": None if last is None else float(last["test_accuracy"]),
            "test_loss": None if last is None else float(last["test_loss"]),
            "backend": self.kernels.name,
            "complete": reached.complete,
        }


def _machine(given: HardwareConfig | Path | str | None) -> HardwareConfig | None:
    return given if given is None or isinstance(given, HardwareConfig) else load_hwconfig(given)


def _check_options(bits: object, cosine: float, steps: int | None) -> None:
    allowed = f"allowed are integers of {FEWEST_BITS} to {MOST_BITS} bits"
    if isinstance(bits, str) or not isinstance(bits, Iterable):
        raise UserError(f"bits: a list of whole numbers is wanted, as [4, 8, 16], not {bits!r}; {allowed}")
    widths = list(bits)
    wrong = [width for width in widths if not _is_width(width)]
    if wrong or not widths:
        found = repr(wrong[0]) if wrong else "none"
        raise UserError(f"--bits: found {found}; {allowed}")
    if not 0 < cosine < 1:
        raise UserError(f"--cosine must be between 0 and 1, not {cosine:g}")
    if steps is not None and steps < 1:
        raise UserError(f"steps must be at least 1, not {steps}")


def _is_width(found: object) -> bool:
    if isinstance(found, bool) or not isinstance(found, SupportsIndex):
        return False
    return FEWEST_BITS <= int(found) <= MOST_BITS


def _check_free(folder: Path | None, *, force: bool) -> None:
    present = [] if folder is None or force else [name for name in FILES if (folder / name).exists()]
    if present:
        raise UserError(f"{folder}: holds {present[0]} already; --force overwrites it")
