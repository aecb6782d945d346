"""The price of cutting an operation into tiles, by which one cut is preferred to another.

It is the cycles that the operation takes alone on the accelerator, plus what it takes from others there:

- a turn of the DRAM channel, to and fro, for each step, as others move between its steps, and at least a cycle;
- on the serial path, whose operations DRAM mostly serves first: a twentieth of the cycles that DRAM needs for its
  bytes, so that no traffic is bought at any price, and half of those of a step, as what comes in the midst of one
  waits for its end;
- off it: all these cycles, and once more those of a step, for which the serial path may have to wait.

So a larger buffer, or faster work, is no reason to move more at a time than others beside it can wait for.

Where operations run one after another there are no others, and the price is the cycles alone.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from accelsim.hardware import HardwareConfig
from accelsim.program import SERIAL_PATH, Operation
from accelsim.timing.mapping.holding import Floats
from accelsim.timing.memory.dram_model import DramModel

Q = TypeVar("Q", float, Floats)
"""A quantity of one candidate, or of many."""

SERIAL_SHARE = 1 / 20
"""Of the cycles that DRAM needs, that count against an operation of the serial path."""
SERIAL_STEPS = 1 / 2
"""Steps of an operation of the serial path that others wait for."""


class Contention(Enum):
    """What an operation shares DRAM with."""

    NONE = "none"
    """Nothing: one operation runs after another."""
    SERVED_FIRST = "served_first"
    """It is on the serial path, and others are beside it."""
    SERVED_LATER = "served_later"
    """It is beside the serial path."""

    @classmethod
    def of(cls, operation: Operation, hw: HardwareConfig) -> Contention:
        """That of an operation on ``hw``."""
        if hw.serial:
            return cls.NONE
        return cls.SERVED_FIRST if operation.phase in SERIAL_PATH else cls.SERVED_LATER


def taken_cycles(dram: DramModel, dram_bytes: Q, steps: Q, contention: Contention) -> Q:
    """What an operation takes from others that moves so many bytes in so many steps; or each of many."""
    if contention is Contention.NONE:
        return 0.0 * steps
    turns = steps * max(1, dram.to_read_cycles + dram.to_write_cycles)
    first = contention is Contention.SERVED_FIRST
    charged = SERIAL_SHARE + SERIAL_STEPS / steps if first else 1 + 1 / steps
    return turns + charged * dram_bytes / dram.bytes_per_cycle
