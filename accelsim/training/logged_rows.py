"""Rows logged by a run that another one of more steps goes on from: brought to what that one logs itself.

The last step of a run is logged, and the model tested there, wherever it stands. For a longer run it may be a step like
any other, and a much longer one logs fewer of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from accelsim.training.checkpoint import Progress

_MEANS = ("train_loss", "train_accuracy")
"""Columns that are means over the steps since the row before."""
_TESTED = ("test_accuracy", "test_loss")


def as_in_one(progress: Progress, is_logged: Callable[[int], bool], ends_epoch: Callable[[int], bool]) -> None:
    """Leave of the rows what a run has that logs the steps ``is_logged`` and tests those that are an ``ends_epoch``.

    Rows that stand for several steps each stay, whatever steps it logs: what those were is not known any more.
    """
    rows, step = progress.rows, progress.step
    if not rows:
        return
    last = rows[-1]
    if last["step"] == step and not ends_epoch(step):
        rows[-1] = {**last, **dict.fromkeys(_TESTED)}
    if len(rows) == step and all(name in row for row in rows for name in _MEANS):
        _regroup(progress, is_logged)
    elif last["step"] == step:
        before = rows[-2]["step"] if len(rows) > 1 else 0
        if not is_logged(step) and len(progress.pending) == step - before:
            rows.pop()
        else:
            progress.pending, progress.pending_accuracies = [], []


def _regroup(progress: Progress, is_logged: Callable[[int], bool]) -> None:
    """Of a row for each step: those of the steps that are logged, with the means since the one before."""
    rows, start = progress.rows, 0
    progress.rows = []
    for end, row in enumerate(rows, 1):
        if is_logged(row["step"]):
            means = {name: mean([each[name] for each in rows[start:end]]) for name in _MEANS}
            progress.rows.append({**row, **means})
            start = end
    progress.pending, progress.pending_accuracies = ([row[name] for row in rows[start:]] for name in _MEANS)


def mean(values: Sequence[float]) -> float:
    """Added up in order, so that the same values have the same mean to the last bit."""
    return sum(values) / len(values)
