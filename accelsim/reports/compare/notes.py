"""What a reader of means over seeds has to know: of which seeds, and what the marks of the spread stand for."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.result import Result
from accelsim.reports.spread import DEVIATION, MEANING


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
