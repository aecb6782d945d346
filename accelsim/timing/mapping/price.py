"""The price of cutting an operation into tiles, by which one cut is preferred to another.

It is the cycles that the operation takes alone on the accelerator, plus what it takes from others there:

- a turn of the DRAM channel, to and fro, for each step, as others move between its steps, and at least a cycle;
- on the serial path, whose operations DRAM serves first: a twentieth of the cycles that DRAM needs for its bytes, so
  that no traffic is bought at any price;
- off it: all these cycles, and once more those of a step, for which the serial path may have to wait.
"""

from __future__ import annotations

from accelsim.timing.memory.dram_model import DramModel

SERIAL_SHARE = 1 / 20
"""Of the cycles that DRAM needs, that count against an operation of the serial path."""


def taken_cycles(dram: DramModel, dram_bytes: float, steps: float, *, beside: bool) -> float:
    """What an operation takes from others that moves so many bytes in so many steps.

    ``beside``: it is off the serial path.
    """
    turns = steps * max(1, dram.to_read_cycles + dram.to_write_cycles)
    charged_bytes = dram_bytes + dram_bytes / steps if beside else SERIAL_SHARE * dram_bytes
    return turns + charged_bytes / dram.bytes_per_cycle
