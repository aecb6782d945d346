"""What the user hears while a training runs: a line for each epoch, and a warning once something dies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accelsim.progress import Observer
from accelsim.training.health import at_chance, epoch_scores, lost_quantisers, worded


class Reporter:
    """Says what is to be said of each epoch; each warning once for what it is about."""

    def __init__(self, observer: Observer, classes: int, steps_per_epoch: int) -> None:
        self.observer, self.classes, self.steps_per_epoch = observer, classes, steps_per_epoch
        self._seen: list[dict[str, Any]] = []
        self._said: set[tuple[str, str]] = set()

    def saw(self, rows: Sequence[dict[str, Any]]) -> None:
        """Take in the quantisers of a step."""
        self._seen += rows

    def epoch_ended(self, rows: Sequence[Mapping[str, Any]], samples_per_s: float) -> None:
        """Speak of the epoch that the last of ``rows`` ends, and of what is wrong with it."""
        import pandas as pd  # it takes long, and commands that train nothing import this room

        last = rows[-1]
        score = epoch_scores(rows)[-1]
        speed = {"samples_per_s": samples_per_s}
        self.observer.measured("epoch", {**last, "train_loss": score.loss, "train_accuracy": score.accuracy, **speed})
        self.observer.say(
            f"epoch {last['epoch']:g}: train loss {score.loss:.4f}, accuracy {score.accuracy:.2%}; test loss "
            f"{last['test_loss']:.4f}, accuracy {last['test_accuracy']:.2%}; gradient norm "
            f"{_norm(last['gradient_norm'])}, weight norm {last['weight_norm']:.4g}; learning rate "
            f"{last['learning_rate']:.3g}; {_loss_scaling(last)}{samples_per_s:,.0f} samples/s"
        )
        found = [*at_chance(rows, self.classes), *lost_quantisers(pd.DataFrame(self._seen), self.steps_per_epoch)]
        new = [finding for finding in found if (finding.kind, finding.subject) not in self._said]
        for text in worded(new):
            self.observer.say(f"warning: {text}")
        self._said |= {(finding.kind, finding.subject) for finding in new}
        self._seen.clear()


def _norm(norm: float | None) -> str:
    """Of the gradients of a step, which has none where it was skipped."""
    return "not finite" if norm is None else f"{norm:.3g}"


def _loss_scaling(row: Mapping[str, Any]) -> str:
    """Of a machine that scales its loss."""
    if "loss_scale" not in row:
        return ""
    return f"loss scale {row['loss_scale']:.10g}, {row['skipped_steps']} steps skipped; "
