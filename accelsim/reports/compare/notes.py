"""What a reader of compared figures has to know: what they are of, and what the marks of a spread stand for."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.machines import cluster_notes
from accelsim.reports.recomputed import recompute_notes
from accelsim.reports.result import Result
from accelsim.reports.spread import DEVIATION, MEANING


def comparison_notes(results: Sequence[Result]) -> list[str]:
    """One line each; none where runs are plain ones of one machine."""
    return [*_idle_notes(results), *cluster_notes(results), *recompute_notes(results), *seed_notes(results)]


def _idle_notes(results: Sequence[Result]) -> list[str]:
    """A line for each result whose machine runs as one with less hardware."""
    return [
        f"{label} runs as {result.summary['runs_as']}, and what it has beyond that machine stays idle: that was asked "
        "for, or no schedule as short was found with all of it. Energy and area are its own."
        for label, result in zip(unique_labels(results), results, strict=True)
        if result.summary.get("runs_as")
    ]


def seed_notes(results: Sequence[Result]) -> list[str]:
    """A line for each result that is a mean, and the meaning of the marks; none where no result is one."""
    labels = unique_labels(results)
    pairs = [(label, result.seeds) for label, result in zip(labels, results, strict=True) if result.seeds]
    notes = []
    for label, seeds in pairs:
        numbers = ", ".join(map(str, seeds.numbers))
        count = len(seeds.numbers)
        notes.append(f"{label}: {f'mean of {count} seeds' if count > 1 else 'one seed alone'} ({numbers})")
        if seeds.unfinished:
            notes[-1] += f"; not finished and left out: {', '.join(seeds.unfinished)}"
    return [*notes, MEANING if len(results) > 1 else DEVIATION] if pairs else []
