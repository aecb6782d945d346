"""What finished trainings came to, as a data file beside their report, so that its tables are written without training.

A row holds one training, or the mean of several seeds where they weren't kept apart: its ``seed`` is then ``1-3``, its
command that of the first. A row stands for exactly the command that it names.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LABELS = ("workload", "epochs", "setting", "seed")
"""What tells a training from the others of its report; ``command`` says what was run."""
DIVERGED, FINISHED = "diverged", "finished"
WORDS = (*LABELS, "outcome", "note", "command")
"""Columns of text; all others hold numbers, empty where one isn't known."""
SEED = re.compile(r"--seed (\d+)")

Row = dict[str, str]


class Records:
    """Rows of one data file, in its order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))

    def facts(self, command: str) -> dict[str, Any] | None:
        """Figures of the training that ``command`` makes; {} where it diverged, None where no row has it.

        A training's own row goes before a mean of several.
        """
        rows = [row for row in self.rows if command in commands(row)]
        if not rows:
            return None
        row = min(rows, key=lambda each: len(seeds(each)))
        return {} if row["outcome"] == DIVERGED else figures(row)

    def put(self, labels: Mapping[str, object], command: str, facts: Mapping[str, Any]) -> None:
        """Take in a finished training, in place of its last row; ``facts`` are {} where it diverged."""
        row = {name: str(labels[name]) for name in LABELS} | {"outcome": FINISHED if facts else DIVERGED}
        row |= {name: _number(value) for name, value in facts.items()} | {"command": command}
        place = next((at for at, old in enumerate(self.rows) if _same(old, row)), len(self.rows))
        self.rows[place : place + 1] = [row]

    def write(self) -> None:
        """To the file; means of seeds that all have rows of their own are left out."""
        own = {row["command"] for row in self.rows if len(seeds(row)) == 1}
        self.rows = [row for row in self.rows if len(seeds(row)) == 1 or not commands(row) <= own]
        numbers = dict.fromkeys(name for row in self.rows for name in row if name not in WORDS)
        notes = ["note"] if any(row.get("note") for row in self.rows) else []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_table(self.path, [*LABELS, "outcome", *numbers, *notes, "command"], self.rows)


def write_table(path: Path, header: list[str], rows: Iterable[Mapping[str, object]]) -> None:
    """A CSV file; columns that a row doesn't have stay empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def seeds(row: Row) -> range:
    """Those that a row stands for: ``2``, or ``1-3``."""
    first, _, last = row["seed"].partition("-")
    return range(int(first), int(last or first) + 1)


def commands(row: Row) -> set[str]:
    """One for each seed of a row."""
    covered = seeds(row)
    return {row["command"]} if len(covered) == 1 else {SEED.sub(f"--seed {n}", row["command"]) for n in covered}


def figures(row: Row) -> dict[str, Any]:
    """The numbers of a row; one that is a mean says of how many ``seeds``."""
    found = {name: float(value) for name, value in row.items() if value and name not in WORDS}
    return found if len(seeds(row)) == 1 else found | {"seeds": len(seeds(row))}


def _same(old: Row, new: Row) -> bool:
    return (old["command"] == new["command"] and len(seeds(old)) == 1) or all(old[n] == new[n] for n in LABELS)


def _number(value: Any) -> str:
    return f"{float(value):.9g}"
