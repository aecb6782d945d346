"""The run folder before and during a simulation: what stands in it, and who may overwrite it."""

from __future__ import annotations

import os
from pathlib import Path

from accelsim.errors import UserError
from accelsim.reports.run_folder import SUMMARY_FILE

CHECKPOINT_FILE = "checkpoint.safetensors"
RUN_FILES = (SUMMARY_FILE, CHECKPOINT_FILE, "hwconfig.yaml", "workload.yaml", "report.html")
"""Files that tell a run folder; one of them is enough, so that no other file of that name is overwritten."""


def check_folder(folder: Path | None, *, resume: bool, force: bool) -> bool:
    """True when ``folder`` holds a finished run that may be gone on with; nothing is written.

    Raises:
        UserError: it can't be a run folder, holds a run that nobody said may be overwritten, or none to resume.
    """
    if folder is None:
        return False
    _check_place(folder)
    finished = (folder / SUMMARY_FILE).is_file()
    if resume:
        if not (folder / CHECKPOINT_FILE).is_file():
            found = "holds a run that was only timed" if finished else "there is no run to resume"
            raise UserError(f"{folder}: {found} (no {CHECKPOINT_FILE}); leave --resume out")
        return finished
    started = [name for name in RUN_FILES if (folder / name).exists()]
    if started and not force:
        resumable = CHECKPOINT_FILE in started
        hint = "--resume goes on with it, " if resumable else ""
        what = "a run already" if {SUMMARY_FILE, CHECKPOINT_FILE} & set(started) else f"{started[0]} already"
        raise UserError(f"{folder}: holds {what}; {hint}--force overwrites it")
    return False


def prepare_folder(folder: Path, *, resume: bool) -> None:
    """Make the folder; unless ``resume``, take an earlier run's marks away, so that two runs never mix.

    Raises:
        UserError: it can't be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in () if resume else (SUMMARY_FILE, CHECKPOINT_FILE):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as a run folder: {error.strerror or error}") from error


def _check_place(folder: Path) -> None:
    """Refuse, before hours of work, a folder that can't be made or written."""
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder}: is a file, not a folder")
        place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError as error:  # a name too long for the file system
        raise UserError(f"{folder}: cannot be used as a run folder: {error.strerror or error}") from error
    if not place.is_dir():
        raise UserError(f"{folder}: cannot be made, {place} is a file")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"{folder}: cannot be written: no permission in {place}")
