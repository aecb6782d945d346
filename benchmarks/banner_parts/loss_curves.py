"""Loss curves of the figures: a running mean of what a training logged, thinned and kept as data beside the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from training_records import LABELS, write_table

from banner_parts.trainings import Training

LOSSES = "losses.csv"
WINDOW_ROWS = 50
"""Logged rows that are averaged; a row is the mean of the steps since the last one."""
POINTS = 200
"""So many of a curve are kept at most."""

Key = tuple[str, ...]
Curves = dict[Key, list[tuple[int, float]]]


def key(training: Training) -> Key:
    return tuple(str(value) for value in training.labels.values())


def kept_curves(path: Path, trainings: Sequence[Training]) -> Curves:
    """Step and loss, by training; those of ``trainings`` with a run folder are read anew, and the file with them."""
    curves = _read(path)
    fresh = {key(t): _thinned(t.kept.folder / "metrics.csv") for t in trainings if t.kept.measured()}
    if fresh:
        curves |= fresh
        rows = [dict(zip(LABELS, k, strict=True), step=s, train_loss=v) for k, c in curves.items() for s, v in c]
        write_table(path, [*LABELS, "step", "train_loss"], rows)
    return curves


def _read(path: Path) -> Curves:
    if not path.exists():
        return {}
    rows = pd.read_csv(path, dtype=dict.fromkeys(LABELS, str))
    return {
        tuple(labels): list(zip(curve["step"].tolist(), curve["train_loss"].tolist(), strict=True))
        for labels, curve in rows.groupby(list(LABELS), sort=False)
    }


def _thinned(metrics: Path) -> list[tuple[int, float]]:
    logged = pd.read_csv(metrics).set_index("step")["train_loss"]
    return thin(logged.rolling(WINDOW_ROWS).mean().dropna())


def thin(curve: pd.Series) -> list[tuple[int, float]]:
    """Evenly spaced points from the first to the last, to five digits."""
    places = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).round().astype(int))
    return [(int(step), float(f"{loss:.5g}")) for step, loss in curve.iloc[places].items()]
