"""Progress bars on a terminal; silence elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from accelsim.progress import Observer
from accelsim.reports.units import human_count

TITLES = {"time": "Timing", "train": "Training", "evaluate": "Evaluating", "calibrate": "Calibrating"}
TITLES |= {"points": "Points", "again": "As others"}
WIDE = 110
"""Columns from which on there is room for every figure."""
NARROW = 58
"""Columns that the figures take beside a short bar; the note has the rest."""


class _Rate(ProgressColumn):
    """Units of work per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:,.{0 if speed >= 10 else 2}f} {task.fields['unit']}s/s", style="cyan")


class _Cycles(ProgressColumn):
    """Clock cycles of the accelerator per second of this computer."""

    def render(self, task: Task) -> Text:
        cycles = task.fields["cycles"]
        return Text(f"{human_count(cycles / task.elapsed)} cycles/s" if cycles and task.elapsed else "", style="cyan")


class Bars(Observer):
    """A bar for each piece of work, on ``console``; shows nothing when that is not a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.shown = console.is_terminal
        self.tasks: dict[str, TaskID] = {}
        wide = console.width >= WIDE
        note = Column(no_wrap=True, max_width=None if wide else max(1, console.width - NARROW))
        self.progress = Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(40 if wide else 10),
            MofNCompleteColumn(),
            _Rate(),
            *([_Cycles()] if wide else []),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False, table_column=note),
            console=console,
            transient=True,
        )

    def start(self, task: str, total: int, unit: str, done: int = 0) -> None:
        if self.shown:
            if not self.tasks:
                self.progress.start()
            title = TITLES.get(task, task)
            self.tasks[task] = self.progress.add_task(title, total=total, completed=done, unit=unit, cycles=0, note="")

    def advance(self, task: str, amount: int = 1, note: str = "") -> None:
        if task in self.tasks:
            self.progress.update(self.tasks[task], advance=amount, note=note)

    def simulated(self, task: str, cycles: int) -> None:
        if task in self.tasks:
            fields = self.progress.tasks[self.progress.task_ids.index(self.tasks[task])].fields
            fields["cycles"] += cycles

    def finish(self, task: str) -> None:
        if task in self.tasks:
            self.progress.remove_task(self.tasks.pop(task))
            if not self.tasks:
                self.progress.stop()

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
