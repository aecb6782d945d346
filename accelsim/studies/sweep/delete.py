"""Points of a sweep that is overwritten: its own files go, and nothing else that lies beside them."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from accelsim.errors import UserError

_KEY = "[0-9a-f]{12}"
_FILE = re.compile(rf"{_KEY}(\.as-{_KEY})?\.json")
_FOLDER = re.compile(_KEY)


def is_of_point(path: Path) -> bool:
    """Whether it is called ``KEY.json`` or ``KEY.as-KEY.json``, or is a folder called ``KEY``; no link is."""
    if path.is_symlink():
        return False
    return bool(_FOLDER.fullmatch(path.name) if path.is_dir() else _FILE.fullmatch(path.name))


def delete_points(folder: Path) -> None:
    """Delete the points in ``folder``, and itself where nothing else is in it.

    Raises:
        UserError: one can't be deleted.
    """
    if not folder.is_dir():
        return
    for path in filter(is_of_point, sorted(folder.iterdir())):
        try:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            raise UserError(f"{path}: cannot be deleted: {error.strerror or error}") from error
    with contextlib.suppress(OSError):
        folder.rmdir()
