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
from rich.text import Text

from accelsim.progress import Observer

TITLES = {"time": "Timing", "train": "Training", "evaluate": "Evaluating", "calibrate": "Calibrating"}
TITLES |= {"points": "Points", "again": "As others"}


class _Rate(ProgressColumn):
    """Units of work per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:,.{0 if speed >= 10 else 2}f} {task.fields['unit']}s/s", style="cyan")


class Bars(Observer):
    """A bar for each piece of work, on ``console``; shows nothing when that is not a terminal or ``quiet``."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.console, self.quiet = console, quiet
        self.shown = console.is_terminal and not quiet
        self.tasks: dict[str, TaskID] = {}
        self.progress = Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
        )

    def start(self, task: str, total: int, unit: str, done: int = 0) -> None:
        if self.shown:
            if not self.tasks:
                self.progress.start()
            title = TITLES.get(task, task)
            self.tasks[task] = self.progress.add_task(title, total=total, completed=done, unit=unit, note="")

    def advance(self, task: str, amount: int = 1, note: str = "") -> None:
        if task in self.tasks:
            self.progress.update(self.tasks[task], advance=amount, note=note)

    def finish(self, task: str) -> None:
        if task in self.tasks:
            self.progress.remove_task(self.tasks.pop(task))
            if not self.tasks:
                self.progress.stop()

    def say(self, text: str) -> None:
        if not self.quiet:
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)
