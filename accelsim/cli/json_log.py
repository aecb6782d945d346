"""Progress for programs: one JSON object a line (docs/progress.md has the fields)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from accelsim.cli.pace import Pace, Paced

EVERY_S = 1.0


class JsonLog(Paced):
    """An object for the start and the end of each piece of work, and at most one every ``EVERY_S`` seconds between."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(EVERY_S)
        self.stream = stream

    def start(self, task: str, total: int, unit: str, done: int = 0) -> None:
        super().start(task, total, unit, done)
        self._write("start", task=task, unit=unit, done=done, total=total)

    def finish(self, task: str) -> None:
        if task in self.tasks:
            self._tell("finish", task, self.tasks.pop(task))

    def measured(self, what: str, figures: Mapping[str, float | None]) -> None:
        self._write(what, **figures)

    def say(self, text: str) -> None:
        self._write("message", text=text)

    def told(self, task: str, pace: Pace) -> None:
        self._tell("progress", task, pace)

    def _tell(self, event: str, task: str, pace: Pace) -> None:
        known = {
            "elapsed_s": pace.elapsed_s,
            f"{pace.unit}s_per_s": pace.per_s,
            "eta_s": pace.left_s,
            "cycles": pace.cycles or None,
            "cycles_per_s": pace.cycles_per_s,
            "note": pace.note or None,
        }
        found = {name: value for name, value in known.items() if value is not None}
        self._write(event, task=task, unit=pace.unit, done=pace.done, total=pace.total, **found)

    def _write(self, event: str, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        content = {"time": now, "event": event, **{name: _plain(value) for name, value in fields.items()}}
        self.stream.write(json.dumps(content) + "\n")
        self.stream.flush()


def _plain(value: Any) -> Any:
    """JSON has no number that is none, and nobody needs 17 digits of a rate."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None
