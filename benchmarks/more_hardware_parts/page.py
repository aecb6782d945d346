"""The table of the benchmark of more hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = """# Does more hardware ever make a step longer?

`make more-hardware` writes this page (`benchmarks/more_hardware.py`). Each machine runs one training step, and once
more with twice of one thing, or with the better of two options. More arrays and a search for tiles never make a step
longer, exactly; nor does anything, but for what tiles are priced by besides cycles (docs/timing.md), where operations
run one at a time.
Operations beside each other are served by priority, and there a schedule may get longer (Graham 1969); residency and
tiles are chosen by rules. How often, and by how much, where each machine is timed by itself (`sweep` and `compare` let
none be slower than one with less: docs/timing.md):
"""
SERIAL_HEAD = """# Does more hardware ever make a step longer, one operation after another?

`make more-hardware` writes this page (`benchmarks/more_hardware.py --serial`). As in
[more_hardware](more_hardware.md), with `operation_overlap: serial`, where the model promises that none of this makes a
step longer (docs/timing.md); none of the random machines shares products out (`split_products`):
"""
COLUMNS = ("twice of, or better", "steps", "longer", "by over 0.1 %", "by over 1 %", "longest", "where")


def page(tables: Mapping[str, Mapping[str, Sequence[Any]]], *, serial: bool) -> str:
    """One table for each group of machines."""
    return "\n".join([SERIAL_HEAD if serial else HEAD, *(_table(title, rows) for title, rows in tables.items())])


def _table(title: str, rows: Mapping[str, Sequence[Any]]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for more, outcomes in rows.items():
        worst = max(outcomes, key=lambda outcome: outcome.ratio)
        longer = [sum(outcome.ratio > 1 + share for outcome in outcomes) for share in (0, 0.001, 0.01)]
        where = f"{worst.case.machine}, {worst.case.network}" if worst.ratio > 1 else "-"
        cells = [more, len(outcomes), *longer, f"{100 * (worst.ratio - 1):+.2f} %" if worst.ratio > 1 else "-", where]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    every = [outcome for outcomes in rows.values() for outcome in outcomes]
    over = sum(outcome.ratio > 1.001 for outcome in every)
    lines += ["", f"Together: {over} of {len(every)} steps are longer by over 0.1 %.", ""]
    return "\n".join(lines)
