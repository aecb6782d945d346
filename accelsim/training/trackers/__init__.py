"""Experiment trackers: who else hears of a training while it runs, by the names that ``--track`` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from accelsim.errors import UserError, expect_list, nearest
from accelsim.training.trackers.tensorboard import TensorBoard, check_tensorboard
from accelsim.training.trackers.tracker import StepCost, Tracker

__all__ = ["TRACKERS", "StepCost", "Tracker", "check_trackers"]

TRACKERS: dict[str, tuple[Callable[[Path, StepCost], Tracker], Callable[[], None]]] = {
    "tensorboard": (TensorBoard, check_tensorboard),
}
"""Of each name, who writes into a folder of that name in the run folder, and a check that the extra is installed."""


def check_trackers(names: Sequence[str]) -> None:
    """Refuse, before any work, what can't track.

    Raises:
        UserError: ``names`` is no list, no tracker has that name, or its package isn't installed.
    """
    expect_list("track", names, next(iter(TRACKERS)))
    for name in names:
        if name not in TRACKERS:
            raise UserError(f"--track {name}: no such tracker{nearest(name, TRACKERS)}; allowed: {', '.join(TRACKERS)}")
        TRACKERS[name][1]()
