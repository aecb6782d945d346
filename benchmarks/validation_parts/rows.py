"""One row of the table: a published figure, what the model says, and why they differ."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Published(NamedTuple):
    """A figure of a publication, and how sure it is."""

    value: float
    unit: str
    provenance: str
    source: str


def _read(path: Path) -> dict[str, Published]:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["key"]: Published(float(row["value"]), row["unit"], row["provenance"], row["source"])
            for row in csv.DictReader(file)
        }


PUBLISHED = _read(Path(__file__).with_name("published.csv"))


@dataclass(frozen=True)
class Row:
    """``key`` names the published figure; ``why`` says what the model has or lacks that explains the difference."""

    key: str
    title: str
    ours: float
    why: str

    @property
    def published(self) -> Published:
        return PUBLISHED[self.key]

    @property
    def deviation(self) -> float | None:
        """(ours - published) / published; None for a published 0."""
        value = self.published.value
        return (self.ours - value) / value if value else None
