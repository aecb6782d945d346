"""A precision study on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from accelsim.reports.precision.classes import SHORT
from accelsim.reports.precision.result import PrecisionResult
from accelsim.reports.precision.tables import (
    NEEDED_HEADER,
    class_needs,
    cosine_grid,
    most_needing,
    needed_rows,
    rule_note,
    steps_text,
)
from accelsim.reports.word_table import word_table


def precision_tables(result: PrecisionResult, console_width: int = 160) -> list[Table]:
    """Cosine by bits and class, what each class needs, and the layers that need most."""
    classes, rows = cosine_grid(result, digits=3)
    header = ["Bits", *(SHORT.get(name, name) for name in classes)]
    looked = steps_text(result.summary["steps_looked_at"])
    by_class = needed_rows(result, class_needs(result), SHORT)
    layers = needed_rows(result, most_needing(result), SHORT)
    return [
        _table(f"{result.name}: cosine, mean ± standard deviation, at {looked}", header, rows, console_width),
        _table("Bits needed by class", NEEDED_HEADER, by_class, console_width, rule_note(result)),
        _table("Layers that need most", NEEDED_HEADER, layers, console_width),
    ]


def _table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], console_width: int, note: str = ""
) -> Table:
    numeric = [number for number, name in enumerate(header) if name not in ("Class", "Layer", "Machine")]
    return word_table(title, header, rows, console_width, numeric=numeric, note=note)
