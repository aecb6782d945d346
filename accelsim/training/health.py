"""Signs that a training has died: no better than chance, or a quantiser that lets nothing through."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

CHANCE = 1.25
"""Accuracy of up to so many times 1 / classes is chance: classes may be a little uneven."""
UNIFORM_LOSS = 0.98
"""Share of ln(classes), the loss of equal probabilities, from which on nothing is known."""
LIMITS = (("zero", "zero_share", 0.99), ("saturated", "saturated_share", 0.10))
"""Kind of finding, its column, and the share beyond which it is one."""
NAMED = 5
"""Quantisers that one warning names."""


class EpochScore(NamedTuple):
    """Means over the training steps of an epoch, each counted once."""

    epoch: int
    loss: float
    accuracy: float


class Finding(NamedTuple):
    """Something that is wrong with ``subject`` in some epochs; ``detail`` is said of all of them."""

    kind: str
    subject: str
    epochs: tuple[int, ...]
    detail: str = ""


def epoch_scores(rows: Sequence[Mapping[str, Any]]) -> list[EpochScore]:
    """Loss and accuracy of each epoch, from rows that each stand for the steps since the one before."""
    weighted, before = [], 0
    for row in rows:
        weighted.append((math.ceil(row["epoch"]), int(row["step"]) - before, row))
        before = int(row["step"])
    scores = []
    for epoch, group in groupby(weighted, key=lambda item: item[0]):
        known = [(steps, row) for _, steps, row in group if _is_known(row.get("train_accuracy"))]
        total = sum(steps for steps, _ in known)
        if total:
            loss, accuracy = (
                sum(steps * row[name] for steps, row in known) / total for name in ("train_loss", "train_accuracy")
            )
            scores.append(EpochScore(epoch, loss, accuracy))
    return scores


def at_chance(rows: Sequence[Mapping[str, Any]], classes: int) -> list[Finding]:
    """Whole epochs after the first in which training was no better than guessing."""
    if not rows:
        return []
    whole = math.floor(rows[-1]["epoch"])
    scores = [score for score in epoch_scores(rows) if score.epoch <= whole]
    dead = [score for score in scores if score.epoch > 1 and _is_chance(score, classes)]
    if not dead:
        return []
    alive = [score for score in scores if score.epoch < dead[0].epoch and not _is_chance(score, classes)]
    best = max(alive, key=lambda score: score.accuracy, default=None)
    before = f"; it was {best.accuracy:.1%} in epoch {best.epoch}" if best else ""
    detail = (
        f"training accuracy is that of chance ({dead[-1].accuracy:.1%} of {classes} classes) and the loss no less than "
        f"that of equal probabilities ({dead[-1].loss:.4g}, ln {classes} = {math.log(classes):.4g}){before}"
    )
    return [Finding("chance", "network", tuple(score.epoch for score in dead), detail)]


def lost_quantisers(quantisers: pd.DataFrame, steps_per_epoch: int) -> list[Finding]:
    """Quantisers whose codes are nearly all zero, or often saturated, in every recorded step of a whole epoch."""
    if quantisers.empty:
        return []
    epochs = (quantisers["step"].astype(int) - 1) // steps_per_epoch + 1
    whole = epochs * steps_per_epoch <= quantisers["step"].max()
    recorded = quantisers.assign(epoch=epochs)[whole]
    return [
        Finding(kind, _subject(rows), tuple(rows["epoch"].astype(int)))
        for kind, column, most in LIMITS
        for _, rows in _always(recorded, recorded[column].astype(float) > most).groupby("tensor", sort=False)
    ]


def _always(recorded: pd.DataFrame, over: pd.Series[bool]) -> pd.DataFrame:
    """A row for each tensor and epoch in all of whose records ``over`` is true."""
    every = over.groupby([recorded["tensor"], recorded["epoch"]]).transform("all")
    return recorded[every.astype(bool)].drop_duplicates(["tensor", "epoch"])


def _subject(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    return f"{first['layer']}, {str(first['role']).replace('_', ' ')} ({first['tensor']})"


def worded(findings: Iterable[Finding]) -> list[str]:
    """A warning for each kind."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    said = [f"{_epochs(finding.epochs)}: {finding.detail}" for finding in kinds.get("chance", [])]
    for kind, _, most in LIMITS:
        if kind in kinds:
            found = f"more than {most:.0%} of the codes are {kind} in every recorded step of an epoch"
            said.append(f"{found}: {_listed(kinds[kind])}")
    return said


def _listed(findings: list[Finding]) -> str:
    named = [f"{finding.subject} in {_epochs(finding.epochs)}" for finding in findings[:NAMED]]
    more = [f"and {len(findings) - NAMED} more quantisers"] if len(findings) > NAMED else []
    return "; ".join(named + more)


def _epochs(epochs: Sequence[int]) -> str:
    """``epoch 3``, ``epochs 3 to 7``, ``9 epochs from 3 to 40``."""
    first, last = epochs[0], epochs[-1]
    if first == last:
        return f"epoch {first}"
    if last - first + 1 == len(epochs):
        return f"epochs {first} to {last}"
    return f"{len(epochs)} epochs from {first} to {last}"


def _is_chance(score: EpochScore, classes: int) -> bool:
    return score.accuracy <= CHANCE / classes and score.loss >= UNIFORM_LOSS * math.log(classes)


def _is_known(value: Any) -> bool:
    return value is not None and not math.isnan(value)
