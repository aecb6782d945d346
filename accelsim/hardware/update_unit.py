"""hwconfig: the unit that updates parameters."""

from __future__ import annotations

from typing import Literal

from accelsim.hardware.units import LaneUnit


class UpdateUnit(LaneUnit):
    """Optimizer arithmetic, in the format of the master weights."""

    learning_rate: Literal["exact", "power_of_two"] = "exact"
    """Integer master weights alone. exact: a 31-bit mantissa and a shift; power_of_two: the nearest power of two, so
    that the step is a shift."""
