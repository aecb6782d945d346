"""Accuracy and loss of a network on a split, with running statistics and ranges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.datapath import Datapath
from accelsim.datapath.divergence import finite_loss, silent_overflow
from accelsim.networks import Network
from accelsim.progress import Observer, watched
from accelsim.training.datasets import Dataset, Split
from accelsim.training.loader import prefetched

EVALUATION_BATCH = 256
Batch = tuple[NDArray[Any], NDArray[np.int64]]


class Score(NamedTuple):
    """Share of images, or tokens, classified right, and the mean loss."""

    accuracy: float
    loss: float


def score(
    network: Network,
    machine: Datapath,
    dataset: Dataset,
    split: Split,
    *,
    step: int,
    workers: int = 0,
    observer: Observer | None = None,
) -> Score:
    """Evaluate ``split`` on the state of ``machine`` after ``step`` training steps, which keys its random bits.

    Raises:
        UserError: logits, or the loss, are not finite.
    """
    correct, loss, asked, observer = 0, 0.0, 0, observer or Observer()
    machine.context.observation = None
    with watched(observer, "evaluate", len(split), "image"):
        for images, labels in in_order(dataset, split, len(split), workers):
            machine.begin_step(step, training=False)
            with silent_overflow():
                result = network.forward(machine, images, as_codes(labels), len(labels))
            batch_loss, answers = finite_loss(machine.context, result.loss, result.logits)
            correct += right_answers(answers, labels)
            asked += labels.size
            loss += batch_loss * len(labels)
            observer.advance("evaluate", len(labels))
    return Score(correct / asked, loss / len(split))


def right_answers(answers: NDArray[np.int64], labels: NDArray[np.int64]) -> int:
    """How many ``answers`` are the label."""
    return int((answers == labels.reshape(-1)).sum())


def in_order(dataset: Dataset, split: Split, count: int, workers: int = 0) -> Iterator[Batch]:
    """The first ``count`` images of a split and their labels, as they are, in batches."""
    starts = range(0, count, EVALUATION_BATCH)
    parts = (np.arange(start, min(count, start + EVALUATION_BATCH)) for start in starts)
    return prefetched(lambda part: dataset.batch(split, part), parts, workers)


def as_codes(labels: Any) -> Any:
    """Labels as the machine takes them."""
    return labels.astype(np.uint16)
