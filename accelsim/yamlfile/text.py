"""A user's file as text, whatever the path leads to."""

from __future__ import annotations

import os
from pathlib import Path

from accelsim.errors import UserError

LARGEST_BYTES = 1 << 20
"""Longest file that is read; a hwconfig or workload has a few kilobytes."""


def read_text(path: Path) -> str:
    """Return the text of ``path``.

    Raises:
        UserError: it is missing, a folder or a pipe, unreadable, too long or not UTF-8.
    """
    if os.path.isdir(path):  # Path.is_dir raises for a name that is too long
        raise UserError(f"{path}: cannot be read: {_folder(path)}")
    if os.path.exists(path) and not os.path.isfile(path):  # opening a pipe would wait for its writer
        raise UserError(f"{path}: cannot be read: this is a pipe or a device, not a file")
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST_BYTES:
        raise UserError(f"{path}: longer than {LARGEST_BYTES >> 10} KiB, so it is no hwconfig and no workload")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: cannot be read: is not UTF-8 text (byte 0x{data[error.start]:02x})") from error


def _folder(path: Path) -> str:
    inside = [name for name in ("hwconfig.yaml", "workload.yaml") if (path / name).is_file()]
    if not inside:
        return "this is a folder, not a file"
    return f"this is a run folder, not a file; it holds {' and '.join(str(path / name) for name in inside)}"
