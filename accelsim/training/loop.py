"""The training loop: epochs of steps on the datapath, evaluation, logging, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.datapath import Datapath, Kernels, ScaleState, choose_kernels
from accelsim.datapath.arrays import on_host
from accelsim.datapath.counts import QuantiserCount
from accelsim.datapath.divergence import finite_loss, silent_overflow
from accelsim.errors import UserError
from accelsim.formats import Recipe
from accelsim.networks import Network, Workload
from accelsim.progress import Observer, watched
from accelsim.training.checkpoint import Checkpoint, Progress
from accelsim.training.datasets import Dataset, Split
from accelsim.training.evaluation import Batch, Score, as_codes, score
from accelsim.training.interrupts import after_the_step
from accelsim.training.loader import prefetched
from accelsim.training.state import State, image_order

LOGGED_ROWS = 1000
CHECKPOINT_SECONDS = 20.0


@dataclass(frozen=True)
class Training:
    """What a training left: its last checkpoint, how fast it went (None where nothing ran), and on which kernels."""

    checkpoint: Checkpoint
    train_images_per_s: float | None
    backend: str


class Trainer:
    """Trains ``network`` on ``dataset``, from a checkpoint's state on; ``keep`` is called with each new checkpoint."""

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
    ) -> None:
        self.network, self.workload, self.dataset = network, workload, dataset
        self.checkpoint, self.keep, self.observer = start, keep, observer or Observer()
        self.batch = workload.batch_size
        self.steps_per_epoch = len(dataset.train) // self.batch
        if not self.steps_per_epoch:
            raise UserError(f"{len(dataset.train)} training images are fewer than a batch_size of {self.batch}")
        whole = workload.epochs * self.steps_per_epoch
        self.total_steps = whole if steps is None else min(steps, whole)
        self.log_every = max(1, self.total_steps // LOGGED_ROWS)
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
        with (
            watched(self.observer, "train", self.total_steps, "step", self.progress.step),
            closing(prefetched(self._batch, steps, self.workload.dataset.workers)) as batches,
            after_the_step() as stop,
        ):
            while self.progress.step < self.total_steps:
                started = time.monotonic()
                loss = self._step(*next(batches))
                trained, spent = trained + self.batch, spent + time.monotonic() - started
                evaluated = self._log(loss)
                self.observer.advance("train", 1, f"loss {loss:.4f}, {trained / spent:,.0f} images/s")
                if evaluated or stop.asked or time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self.keep(self._on_host())
                    saved = time.monotonic()
                if stop.asked:
                    raise KeyboardInterrupt
        return Training(self._on_host(), trained / spent if spent else None, self.machine.context.kernels.name)

    def _on_host(self) -> Checkpoint:
        """The checkpoint with its tensors in this computer's memory, wherever the kernels hold them."""
        state = {name: on_host(value) for name, value in self.checkpoint.state.items()}
        return replace(self.checkpoint, state=state)

    def _batch(self, step: int) -> Batch:
        """Training images of a step, or token ids, and their labels."""
        epoch, within = divmod(step, self.steps_per_epoch)
        order = image_order(self.workload.seed, epoch, len(self.dataset.train))
        return self.dataset.training_batch(order[within * self.batch : (within + 1) * self.batch], epoch)

    def _step(self, images: NDArray[Any], labels: NDArray[np.int64]) -> float:
        self.machine.begin_step(self.progress.step, training=True, learning_rate=self._learning_rate())
        self.machine.context.counts = {} if self._ends_epoch(self.progress.step + 1) else None
        with silent_overflow():
            found = self.network.train_step(self.machine, self.workload.optimizer, images, as_codes(labels), self.batch)
        if self.machine.context.counts:
            self.progress.quantisers = quantiser_rows(self.progress.step + 1, self.machine.context.counts)
        return finite_loss(self.machine.context, found.loss, found.logits)

    def _learning_rate(self) -> float:
        epoch = self.progress.step / self.steps_per_epoch
        return self.workload.optimizer.learning_rate * self.workload.schedule.rate_factor(epoch, self.workload.epochs)

    def _log(self, loss: float) -> bool:
        """Count the step as done and log it where a row is due; True when the model was evaluated."""
        progress, rate = self.progress, self._learning_rate()
        progress.step += 1
        progress.pending.append(loss)
        ends = self._ends_epoch(progress.step)
        if not ends and progress.step % self.log_every:
            return False
        accuracy, test_loss = self.evaluate(self.dataset.test) if ends else (None, None)
        progress.rows.append(
            {
                "step": progress.step,
                "epoch": progress.step / self.steps_per_epoch,
                "learning_rate": rate,
                "train_loss": sum(progress.pending) / len(progress.pending),
                "test_accuracy": accuracy,
                "test_loss": test_loss,
            }
        )
        progress.pending.clear()
        return ends

    def _ends_epoch(self, step: int) -> bool:
        return step % self.steps_per_epoch == 0 or step == self.total_steps

    def evaluate(self, split: Split) -> Score:
        """Share of images, or tokens, classified right, and the mean loss."""
        workers = self.workload.dataset.workers
        step = self.progress.step
        return score(
            self.network, self.machine, self.dataset, split, step=step, workers=workers, observer=self.observer
        )


def quantiser_rows(step: int, counts: dict[str, QuantiserCount]) -> list[dict[str, Any]]:
    """What each quantiser lost in one step, as rows of a table."""
    return [{"tensor": tensor, "step": step, **asdict(found)} for tensor, found in counts.items()]


def fresh_checkpoint(state: State, fingerprint: str, described: dict[str, Any]) -> Checkpoint:
    """The checkpoint before the first step."""
    return Checkpoint(state, ScaleState(), Progress(), fingerprint, described)
