"""A precision study on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

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


def precision_tables(result: PrecisionResult) -> list[Table]:
    """Cosine by bits and class, what each class needs, and the layers that need most."""
    classes, rows = cosine_grid(result, digits=3)
    header = ["Bits", *(SHORT.get(name, name) for name in classes)]
    looked = steps_text(result.summary["steps_looked_at"])
    by_class = needed_rows(result, class_needs(result), SHORT)
    return [
        _table(f"{result.name}: cosine, mean ± standard deviation, at {looked}", header, rows),
        _table("Bits needed by class", NEEDED_HEADER, by_class, rule_note(result)),
        _table("Layers that need most", NEEDED_HEADER, needed_rows(result, most_needing(result), SHORT)),
    ]


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], note: str | None = None) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", caption=note, caption_justify="left")
    for name in header:
        table.add_column(name, justify="left" if name in ("Class", "Layer", "Machine") else "right")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
