"""The training loop: epochs of steps on the datapath, evaluation, logging, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.datapath import Datapath, Kernels, Observation, ScaleState, Watcher, choose_kernels
from accelsim.datapath.arrays import on_host
from accelsim.datapath.context import Context
from accelsim.datapath.divergence import finite_loss, silent_overflow
from accelsim.errors import UserError
from accelsim.formats import Recipe
from accelsim.networks import Network, Workload
from accelsim.progress import Observer, watched
from accelsim.training.checkpoint import Checkpoint, Progress
from accelsim.training.datasets import Dataset, Split
from accelsim.training.evaluation import Batch, Score, as_codes, right_answers, score
from accelsim.training.interrupts import after_the_step
from accelsim.training.loader import prefetched
from accelsim.training.logged_rows import as_in_one, mean
from accelsim.training.records import Records
from accelsim.training.reporter import Reporter
from accelsim.training.state import State, image_order

LOGGED_ROWS = 1000
CHECKPOINT_SECONDS = 20.0

Watch = Callable[[int, Context], Watcher | None]
"""Who looks at a step (counted from 1) that is about to begin, if anybody does."""


def unwatched(step: int, context: Context) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Training:
    """What a training left: its last checkpoint, how fast it went (None where nothing ran), on which kernels, and what
    was recorded beside it."""

    checkpoint: Checkpoint
    train_images_per_s: float | None
    backend: str
    records: Records


class StepOutcome(NamedTuple):
    """Mean loss of a step, share of right answers before its update, what was seen of it, its loss scale, and whether
    it was skipped."""

    loss: float
    accuracy: float
    seen: Observation | None
    loss_scale: float
    skipped: bool

    def __str__(self) -> str:
        return f"loss {self.loss:.4f}, {self.accuracy:.1%} right"


class Trainer:
    """Trains ``network`` on ``dataset``, from a checkpoint's state on; ``keep`` is called with each new checkpoint.

    ``records`` has what is known up to that checkpoint before it is called. ``watch`` chooses steps to look at.
    ``cycles_per_step`` of the accelerator are what the observer hears of.
    """

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        workload: Workload,
        dataset: Dataset,
        start: Checkpoint,
        *,
        steps: int | None = None,
        kernels: Kernels | None = None,
        observer: Observer | None = None,
        keep: Callable[[Checkpoint], None] = lambda checkpoint: None,
        records: Records | None = None,
        watch: Watch = unwatched,
        cycles_per_step: int = 0,
    ) -> None:
        self.network, self.workload, self.dataset = network, workload, dataset
        self.checkpoint, self.keep, self.observer = start, keep, observer or Observer()
        self.records, self.watch = records or Records(), watch
        self.batch, self.cycles_per_step = workload.batch_size, cycles_per_step
        self.steps_per_epoch = len(dataset.train) // self.batch
        if not self.steps_per_epoch:
            raise UserError(f"{len(dataset.train)} training images are fewer than a batch_size of {self.batch}")
        whole = workload.epochs * self.steps_per_epoch
        self.total_steps = whole if steps is None else min(steps, whole)
        self.log_every = max(1, self.total_steps // LOGGED_ROWS)
        self.reporter = Reporter(self.observer, workload.network.classes, self.steps_per_epoch)
        self.machine = Datapath(
            recipe, start.state, seed=workload.seed, scales=start.scales, kernels=kernels or choose_kernels()
        )

    @property
    def progress(self) -> Progress:
        return self.checkpoint.progress

    def run(self) -> Training:
        """Train to the last step.

        Raises:
            KeyboardInterrupt: Ctrl-C or a request to end; the step that was under way is done and in the checkpoint.
        """
        trained, spent, saved = 0, 0.0, time.monotonic()
        steps = range(self.progress.step, self.total_steps)
        if self.progress.step < self.total_steps:
            as_in_one(self.progress, self._is_logged, self._ends_epoch)
        self.records.start(self.progress.step, self.progress.rows, ends_epoch=self._ends_epoch(self.progress.step))
        with (
            watched(self.observer, "train", self.total_steps, "step", self.progress.step),
            closing(prefetched(self._batch, steps, self.workload.dataset.workers)) as batches,
            after_the_step() as stop,
            closing(self.records),
        ):
            while self.progress.step < self.total_steps:
                started = time.monotonic()
                outcome = self._step(*next(batches))
                seconds = time.monotonic() - started
                trained, spent = trained + self.batch, spent + seconds
                self.records.worked(self.batch, seconds)
                evaluated = self._log(outcome)
                self.observer.simulated("train", self.cycles_per_step)
                self.observer.advance("train", 1, f"{outcome}, {trained / spent:,.0f} images/s")
                if evaluated or stop.asked or time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self.records.flush()
                    self.keep(self._on_host())
                    saved = time.monotonic()
                if stop.asked:
                    raise KeyboardInterrupt
        backend = self.machine.context.kernels.name
        return Training(self._on_host(), trained / spent if spent else None, backend, self.records)

    def _on_host(self) -> Checkpoint:
        """The checkpoint with its tensors in this computer's memory, wherever the kernels hold them."""
        state = {name: on_host(value) for name, value in self.checkpoint.state.items()}
        return replace(self.checkpoint, state=state)

    def _batch(self, step: int) -> Batch:
        """Training images of a step, or token ids, and their labels."""
        epoch, within = divmod(step, self.steps_per_epoch)
        order = image_order(self.workload.seed, epoch, len(self.dataset.train))
        return self.dataset.training_batch(order[within * self.batch : (within + 1) * self.batch], epoch)

    def _step(self, images: NDArray[Any], labels: NDArray[np.int64]) -> StepOutcome:
        step, context = self.progress.step + 1, self.machine.context
        self.machine.begin_step(self.progress.step, training=True, learning_rate=self._learning_rate())
        looks, logs = self.records.looks_at(step, ends_epoch=self._ends_epoch(step)), self._is_logged(step)
        spread = looks and bool(self.records.trackers)
        loss_scale = context.loss_scale
        seen = context.observation = (
            Observation(quantisers=looks, updates=logs, distributions=spread, loss_scale=loss_scale)
            if looks or logs
            else None
        )
        context.watcher = self.watch(step, context)
        with silent_overflow():
            found = self.network.train_in_parts(
                self.machine, self.workload.optimizer, images, as_codes(labels), self.batch, self.workload.micro_batches
            )
        context.observation = context.watcher = None
        if seen is not None and looks:
            self.reporter.saw(self.records.add_quantisers(step, seen, skipped=context.skips_update))
        losses, answers = zip(*[finite_loss(context, part.loss, part.logits) for part in found], strict=True)
        right = right_answers(np.concatenate(answers), labels)
        return StepOutcome(mean(losses), right / labels.size, seen, loss_scale, context.skips_update)

    def _learning_rate(self) -> float:
        epoch = self.progress.step / self.steps_per_epoch
        return self.workload.optimizer.learning_rate * self.workload.schedule.rate_factor(epoch, self.workload.epochs)

    def _log(self, outcome: StepOutcome) -> bool:
        """Count the step as done and log it where a row is due; True when the model was evaluated."""
        progress, rate = self.progress, self._learning_rate()
        progress.step += 1
        progress.pending.append(outcome.loss)
        progress.pending_accuracies.append(outcome.accuracy)
        if outcome.seen is None or not outcome.seen.updates:
            return False
        ends, epoch = self._ends_epoch(progress.step), progress.step / self.steps_per_epoch
        accuracy, test_loss = self.evaluate(self.dataset.test) if ends else (None, None)
        progress.rows.append(
            {
                "step": progress.step,
                "epoch": epoch,
                "learning_rate": rate,
                "train_loss": mean(progress.pending),
                "train_accuracy": mean(progress.pending_accuracies),
                "gradient_norm": None if outcome.skipped else outcome.seen.gradient_norm / outcome.loss_scale,
                "weight_norm": outcome.seen.weight_norm,
                "test_accuracy": accuracy,
                "test_loss": test_loss,
                **self._loss_scaling(outcome.loss_scale),
            }
        )
        if self._is_logged_by_all(progress.step):
            progress.pending.clear()
            progress.pending_accuracies.clear()
        self.records.add_row(progress.rows[-1])
        if ends:
            self.reporter.epoch_ended(progress.rows, self.records.epoch_speed())
        return ends

    def _loss_scaling(self, loss_scale: float) -> dict[str, float]:
        """Columns of a machine that scales its loss."""
        if self.machine.recipe.loss_scale is None:
            return {}
        return {"loss_scale": loss_scale, "skipped_steps": self.machine.context.skipped_steps}

    def _is_logged(self, step: int) -> bool:
        return step == self.total_steps or self._is_logged_by_all(step)

    def _is_logged_by_all(self, step: int) -> bool:
        """By longer runs, too, unless they are so long that they log fewer steps."""
        return step % self.steps_per_epoch == 0 or step % self.log_every == 0

    def _ends_epoch(self, step: int) -> bool:
        return step % self.steps_per_epoch == 0 or step == self.total_steps

    def evaluate(self, split: Split) -> Score:
        """Share of images, or tokens, classified right, and the mean loss."""
        workers = self.workload.dataset.workers
        step = self.progress.step
        return score(
            self.network, self.machine, self.dataset, split, step=step, workers=workers, observer=self.observer
        )


def fresh_checkpoint(state: State, fingerprint: str, described: dict[str, Any]) -> Checkpoint:
    """The checkpoint before the first step."""
    return Checkpoint(state, ScaleState(), Progress(), fingerprint, described)
