"""The run folder before and during a simulation: what stands in it, and what may be overwritten."""

from __future__ import annotations

import os
from pathlib import Path

from accelsim.errors import UserError
from accelsim.reports.run_folder import FILES, SUMMARY_FILE, other_contents
from accelsim.reports.scalesim import REPORTS

CHECKPOINT_FILE = "checkpoint.safetensors"
RUN_FILES = (SUMMARY_FILE, CHECKPOINT_FILE, *(name for name in FILES if name != SUMMARY_FILE))
"""Every file that a run writes; one that is there already is not overwritten unasked."""


def check_folder(folder: Path | None, *, resume: bool, force: bool) -> bool:
    """True when ``folder`` holds a finished run that may be gone on with; nothing is written.

    Raises:
        UserError: it can't be a run folder, holds a run that nobody said may be overwritten, or none to resume.
    """
    if folder is None:
        return False
    check_place(folder)
    finished = (folder / SUMMARY_FILE).is_file()
    if resume:
        if not (folder / CHECKPOINT_FILE).is_file():
            timed = "holds a run that was only timed" if finished else "there is no run to resume"
            found = other_contents(folder) or timed
            raise UserError(f"{folder}: {found} (no {CHECKPOINT_FILE}); leave --resume out")
        return finished
    started = [name for name in RUN_FILES if (folder / name).exists()]
    if started and not force:
        resumable = CHECKPOINT_FILE in started
        hint = "--resume goes on with it, " if resumable else ""
        what = "a run already" if {SUMMARY_FILE, CHECKPOINT_FILE} & set(started) else f"{started[0]} already"
        raise UserError(f"{folder}: holds {what}; {hint}--force overwrites it")
    return False


def check_reports(folder: Path | None, *, force: bool) -> None:
    """Refuse to overwrite SCALE-Sim's reports, unless ``force``.

    Raises:
        UserError: one is there.
    """
    present = [] if folder is None or force else [name for name in REPORTS if (folder / name).exists()]
    if present:
        raise UserError(f"{folder}: holds {present[0]} already; --force overwrites it")


def prepare_folder(folder: Path, *, resume: bool) -> None:
    """Unless ``resume``, take an earlier run's marks away, so that two runs never mix.

    Raises:
        UserError: it can't be written.
    """
    try:
        for name in () if resume else (SUMMARY_FILE, CHECKPOINT_FILE):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as a run folder: {error.strerror or error}") from error


def check_place(folder: Path) -> None:
    """Refuse, before hours of work, a folder that can't be made or written.

    Raises:
        UserError: it, or what it would be made in, is no folder or can't be written.
    """
    try:
        if folder.is_symlink() and not folder.exists():
            raise UserError(f"{folder}: is a link to {os.readlink(folder)}, and there is no such folder")
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder}: is a file, not a folder")
        place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError as error:  # a name too long for the file system
        raise UserError(f"{folder}: cannot be used as a run folder: {error.strerror or error}") from error
    if not place.is_dir():
        raise UserError(f"{folder}: cannot be made, {place} is a file")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"{folder}: cannot be written: no permission in {place}")
