"""What a machine has in memory from the start and nobody writes to: tables of numbers that follow from a rule."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.formats import Format


@dataclass(frozen=True)
class Constant:
    """A table; ``kind`` and ``argument`` say what it holds (``datapath/constants.py``)."""

    name: str
    shape: tuple[int, ...]
    format: Format
    kind: str
    argument: float
