"""Where a run goes when the user names no folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

RUNS = Path("runs")


@contextlib.contextmanager
def default_folder(hwconfig: Path, workload: Path, *, resume: bool, force: bool, suffix: str = "") -> Iterator[Path]:
    """``runs/HWCONFIG-WORKLOAD`` and ``suffix``; where that is taken, the next free number, so that nothing is lost.

    The folder is made at once, so that no run that starts meanwhile takes it too; it goes again if it stays empty. With
    ``resume`` or ``force`` it is the folder without a number.
    """
    wanted = RUNS / f"{hwconfig.stem}-{workload.stem}{suffix}"
    if resume or force:
        yield wanted
        return
    folder = _made(wanted)
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()
            RUNS.rmdir()


def _made(wanted: Path) -> Path:
    folder, number = wanted, 1
    while True:
        RUNS.mkdir(exist_ok=True)
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
            folder = wanted.with_name(f"{wanted.name}-{number}")
        except FileNotFoundError:
            continue  # a run that failed has just taken an empty RUNS away
