"""A run folder held by one simulation at a time: a second one that would write into it is refused."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from accelsim.errors import UserError
from accelsim.simulation.folder import check_place

LOCK_FILE = ".lock"
"""The system forgets the lock of a process that ends, however it ends; the file itself says nothing."""


@contextlib.contextmanager
def held_folder(folder: Path | None) -> Iterator[None]:
    """Make ``folder`` and hold it while the block runs; folders that were made and are left empty are taken away.

    Raises:
        UserError: it can't be a run folder, or another simulation holds it.
    """
    if folder is None:
        yield
        return
    check_place(folder)
    made: list[Path] = []
    try:
        _make(folder, made)
        descriptor = _locked(folder / LOCK_FILE)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                (folder / LOCK_FILE).unlink()
            os.close(descriptor)
    finally:
        with contextlib.suppress(OSError):
            for path in reversed(made):
                path.rmdir()


def _make(folder: Path, made: list[Path]) -> None:
    """Make the folder and the folders above it; those that are new go into ``made``, outermost first."""
    missing = []
    for path in (folder, *folder.parents):
        if path.exists():
            break
        missing.append(path)
    try:
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):  # another run has just made it
                path.mkdir()
                made.append(path)
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as a run folder: {error.strerror or error}") from error


def _locked(path: Path) -> int:
    """Descriptor of the lock file, locked."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise UserError(f"{path.parent}: cannot be used as a run folder: {error.strerror or error}") from error
        try:
            _lock(descriptor)
        except BlockingIOError as error:
            os.close(descriptor)
            raise UserError(
                f"{path.parent}: another simulation is writing this run; wait for it, or give another --out"
            ) from error
        if _is_still(descriptor, path):
            return descriptor
        os.close(descriptor)  # its holder has just ended and taken the file away


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _lock(descriptor: int) -> None:
    """Take the lock, where the file system has locks.

    Raises:
        BlockingIOError: another process, or another simulation of this one, has it.
    """
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a network file system without locks
        return
