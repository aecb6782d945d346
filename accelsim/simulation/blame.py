"""Faults that only a simulation finds, at the line of the file, or the setting, that causes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from accelsim.errors import UserError
from accelsim.yamlfile import MarkedYaml, override, read_marked

_FIELD = re.compile(r"\bbuffers\.\w+\.capacity_bytes\b|\bbatch_size\b")


@contextmanager
def blaming(given: object, settings: Sequence[str] = ()) -> Iterator[None]:
    """Put file, line and column before each line of a UserError that names a field of the file ``given``, if it is one.

    ``settings`` are those that were laid over the file; the error names the setting in place of the line.

    Raises:
        UserError: the block raised one.
    """
    try:
        yield
    except UserError as error:
        faults = str(error).splitlines()
        if not isinstance(given, str | Path) or not any(map(_FIELD.search, faults)):
            raise
        marked = override(read_marked(Path(given)), settings)
        raise UserError("\n".join(_located(marked, fault) for fault in faults)) from error


def _located(marked: MarkedYaml, fault: str) -> str:
    field = _FIELD.search(fault)
    return str(marked.error(tuple(field[0].split(".")), fault)) if field else fault
