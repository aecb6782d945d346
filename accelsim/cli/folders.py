"""Where a run goes when the user names no folder."""

from __future__ import annotations

from pathlib import Path

RUNS = Path("runs")


def default_folder(hwconfig: Path, workload: Path, *, resume: bool, force: bool) -> Path:
    """``runs/HWCONFIG-WORKLOAD``; where that is taken, the next free number, so that nothing is lost.

    With ``resume`` or ``force`` it is the folder without a number.
    """
    wanted = RUNS / f"{hwconfig.stem}-{workload.stem}"
    folder, number = wanted, 1
    while folder.exists() and not (resume or force):
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder
