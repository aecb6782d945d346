"""What the compiled run of a step knows of operations, of units and of what they share: columns of its tables."""

from __future__ import annotations

from enum import IntEnum

from accelsim.timing.pipelines.stalls import COUNTS


class OperationField(IntEnum):
    """Columns of an operation; -1 for what it hasn't or what hasn't happened."""

    UNIT = 0
    WORKS = 1
    """Whether it does anything."""
    START = 2
    """Where its program begins; -1 where nothing moves."""
    BUSY = 3
    RANK = 4
    """For its unit and for DRAM: lower goes first; distinct."""
    CHAIN = 5
    """Cycles from its start to the end of the longest chain that it begins."""
    MISSING = 6
    """What it waits for that hasn't ended."""
    READY = 7
    FETCH = 8
    BEGUN = 9
    END = 10
    STALLS = 11
    """The first of its stall cycles by cause."""


class UnitField(IntEnum):
    """Columns of a unit."""

    FREE = 0
    LEAST_FREE = 1
    TAILS = 2
    """Operations of this unit that have room for a tile of the next."""
    WAITING = 3
    """How many are in its queue."""
    FETCHING = 4
    """How many of those that it takes next fetch already."""


class StateField(IntEnum):
    """What all share."""

    NOW = 0
    BEFORE = 1
    """Cycle that the step must end before; FOREVER where it needn't."""
    PREFETCH = 2
    FINISHED = 3
    ASKED = 4
    """Whether a unit may take something."""
    CHAIN_END = 5
    ON_CHIP = 6
    """Operations at work that move nothing: the first rows of their table."""


class LeftField(IntEnum):
    """What is left of a step (``LeastLeft``), in cycles."""

    DRAM = 0
    WORK = 1
    SLACK = 2


FINISHED, LATE, STUCK = range(3)
"""What ``run`` returns."""
OPERATION_COLUMNS = int(OperationField.STALLS) + COUNTS
