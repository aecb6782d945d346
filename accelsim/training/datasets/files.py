"""Read a data file whole, gzipped or not; every way that fails becomes a message that names the file."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from accelsim.errors import UserError


def read_bytes(path: Path) -> bytes:
    """Return the bytes of ``path``, unpacked where its name ends in ``.gz``.

    Raises:
        UserError: the file is missing or unreadable, or is not gzip, truncated or corrupt where it should be gzip.
    """
    raw = raw_bytes(path)
    return unpacked(path, raw) if path.suffix == ".gz" else raw


def raw_bytes(path: Path) -> bytes:
    """Return the bytes of ``path`` as they are.

    Raises:
        UserError: the file is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error


def unpacked(path: Path, raw: bytes) -> bytes:
    """Return what ``raw``, the bytes of the gzip file ``path``, unpack to.

    Raises:
        UserError: they are not gzip, truncated or corrupt.
    """
    found = f"found {len(raw)} bytes that start with {raw[:4].hex() or 'nothing'}"
    if not raw.startswith(b"\x1f\x8b"):
        raise UserError(f"{path}: not a gzip file: {found}, expected 1f8b; if it is unpacked, drop .gz from its name")
    try:
        return gzip.decompress(raw)
    except EOFError as error:
        raise UserError(f"{path}: the gzip file is truncated after {len(raw)} bytes; fetch it again") from error
    except (OSError, zlib.error) as error:
        raise UserError(f"{path}: the gzip file is corrupt ({error}); fetch it again") from error
