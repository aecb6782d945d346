"""Rows of a CSV file, with errors that name line, column and field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import UserError
from accelsim.yamlfile.text import read_text


@dataclass(frozen=True)
class Row:
    """One line that is not blank; cells are as written, spaces included."""

    path: Path
    line: int
    cells: Sequence[str]

    def text(self, index: int) -> str:
        """The cell without the spaces around it; empty where the row is shorter."""
        return self.cells[index].strip() if index < len(self.cells) else ""

    def number(self, index: int, field: str, most: int) -> int:
        """The cell as a whole number from 1 to ``most``.

        Raises:
            UserError: it is something else, or missing.
        """
        found = self.text(index)
        if found.isdecimal() and len(found) < 20 and 1 <= int(found) <= most:
            return int(found)
        what = f"found {found!r}" if found else "missing"
        raise self.error(index, f"{field}: {what}; allowed: a whole number from 1 to {most}")

    def error(self, index: int, text: str) -> UserError:
        """A fault of one cell."""
        cells = self.cells[:index]
        before = sum(map(len, cells)) + len(cells)
        cell = self.cells[index] if index < len(self.cells) else ""
        column = before + len(cell) - len(cell.lstrip()) + 1
        return UserError(f"{self.path}:{self.line}:{column}: {text}")


def read_rows(path: Path) -> list[Row]:
    """The rows of ``path``, separated by commas, or by tabs where the first row has no comma.

    Raises:
        UserError: the file can't be read, or is empty.
    """
    lines = [(number, line) for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip(", \t\xa0")]
    if not lines:
        raise UserError(f"{path}:1:1: the file is empty")
    separator = "," if "," in lines[0][1] else "\t"
    return [Row(path, number, line.split(separator)) for number, line in lines]
