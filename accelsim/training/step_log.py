"""A table that grows with a training: rows in the order of their steps, kept so that a resumed run has the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from accelsim.atomic import append_durably, write_atomically


class StepLog:
    """Rows of ``columns``, the first of which is ``step``; in the CSV file ``path``, or in memory where that is None.

    Rows reach the file with ``flush``, before the checkpoint of their step does. So a file may be ahead of the
    checkpoint that a run is resumed from, or end within a row; ``start`` cuts it back.
    """

    def __init__(self, columns: Sequence[str], path: Path | None) -> None:
        self.columns, self.path = tuple(columns), path
        self._new = io.StringIO()
        self._kept = ""

    def start(self, wanted: Callable[[int], bool]) -> None:
        """Begin with what the file has of the steps that are ``wanted``; columns that it lacks are left empty.

        Raises:
            UserError: the file can't be written.
        """
        found = self._read()
        text = _text([self.columns, *_rows(found, self.columns, wanted)])
        if self.path is None:
            self._kept = text
        elif text != found:
            write_atomically(self.path, text)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows of one step; None is an empty cell."""
        csv.DictWriter(self._new, self.columns, lineterminator="\n").writerows(rows)

    def flush(self) -> None:
        """Bring new rows to the file.

        Raises:
            UserError: it can't be written.
        """
        text = self._new.getvalue()
        if self.path is not None and text:
            append_durably(self.path, text)
            self._new = io.StringIO()

    def text(self) -> str:
        """All rows as CSV, below the names of the columns."""
        return (self._read() or _text([self.columns])) + self._new.getvalue()

    def _read(self) -> str:
        if self.path is None:
            return self._kept
        # Bytes that are no text can only stand in what is cut off.
        return self.path.read_bytes().decode("utf-8", errors="replace") if self.path.is_file() else ""


def _rows(found: str, columns: tuple[str, ...], wanted: Callable[[int], bool]) -> Iterable[list[str]]:
    """Whole rows of wanted steps, up to the first that is broken."""
    whole = found[: found.rfind("\n") + 1]
    reader = csv.reader(io.StringIO(whole))
    names = next(reader, [])
    if names[:1] != [columns[0]]:
        return
    for row in reader:
        if len(row) != len(names) or not row[0].isdecimal():
            return
        if wanted(int(row[0])):
            cells = dict(zip(names, row, strict=True))
            yield [cells.get(column, "") for column in columns]


def _text(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
