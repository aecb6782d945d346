"""The price of cutting an operation into tiles, by which one cut is preferred to another.

It is the cycles that the operation takes alone on the accelerator, plus what it takes from others there:

- a turn of the DRAM channel, to and fro, for each step, as others move between its steps, and at least a cycle;
- off the serial path, whose operations DRAM serves first: the cycles that DRAM needs for its bytes, and once more for
  those of a step, for which the serial path may have to wait.
"""

from __future__ import annotations

from accelsim.timing.memory.dram_model import DramModel


def taken_cycles(dram: DramModel, dram_bytes: float, steps: float, *, beside: bool) -> float:
    """What an operation takes from others that moves so many bytes in so many steps.

    ``beside``: it is off the serial path.
    """
    turns = steps * max(1, dram.to_read_cycles + dram.to_write_cycles)
    return turns + beside * (dram_bytes + dram_bytes / steps) / dram.bytes_per_cycle
