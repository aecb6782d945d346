"""Faults that only a simulation finds, at the line of the file, or the setting, that causes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from accelsim.errors import UserError
from accelsim.yamlfile import override, read_marked

_FIELD = re.compile(r"\bbuffers\.\w+\.capacity_bytes\b|\bbatch_size\b")


@contextmanager
def blaming(given: object, settings: Sequence[str] = ()) -> Iterator[None]:
    """Put file, line and column before a UserError that names a field of the file ``given``, if it is one.

    ``settings`` are those that were laid over the file; the error names the setting in place of the line.

    Raises:
        UserError: the block raised one.
    """
    try:
        yield
    except UserError as error:
        field = _FIELD.search(str(error))
        if field is None or not isinstance(given, str | Path):
            raise
        marked = override(read_marked(Path(given)), settings)
        raise marked.error(tuple(field[0].split(".")), str(error)) from error
