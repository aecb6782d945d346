"""Published checksums of downloads: what was found beside what was expected, in one sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path


def checksum_note(path: Path, data: bytes, published_md5: str) -> str:
    """Say whether ``data``, the bytes of ``path`` as they were downloaded, has the published MD5.

    Another one is no fault in itself: the same images may be packed anew.
    """
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found == published_md5:
        return f"{path}: MD5 {found}, as published"
    return f"{path}: found MD5 {found}, expected {published_md5}: packed anew, or not the published file"
