"""Write a file whole or not at all; or add to its end."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Literal

from accelsim.errors import UserError


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace ``path`` by ``content`` in one step; readers see the old file or the new one, never a part.

    Raises:
        UserError: the folder is missing, read-only or full.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write_synced(temporary, data)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    _sync_folder(path.parent)


def append_durably(path: Path, content: str) -> None:
    """Add ``content`` to the end of ``path``; what stood there stays, whenever the system stops.

    Raises:
        UserError: the folder is missing, read-only or full.
    """
    try:
        _write_synced(path, content.encode("utf-8"), "ab")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write_synced(path: Path, data: bytes, mode: Literal["xb", "ab"] = "xb") -> None:
    with open(path, mode) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name durable where the system can (it can't on Windows)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
