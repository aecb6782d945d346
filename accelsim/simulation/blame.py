"""Faults that only a simulation finds, at the line of the hwconfig that causes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig
from accelsim.yamlfile import read_marked

_FIELD = re.compile(r"\bbuffers\.\w+\.capacity_bytes\b")


@contextmanager
def blaming(hwconfig: HardwareConfig | Path | str) -> Iterator[None]:
    """Put file, line and column before a UserError that names a field of the hwconfig file.

    Raises:
        UserError: the block raised one.
    """
    try:
        yield
    except UserError as error:
        field = _FIELD.search(str(error))
        if field is None or isinstance(hwconfig, HardwareConfig):
            raise
        raise read_marked(Path(hwconfig)).error(tuple(field[0].split(".")), str(error)) from error
