"""When the operations of a step held their units: what a schedule finds."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.timing.pipelines.loops import Integers


@dataclass(frozen=True)
class Held:
    """Of each operation: when what it waited for had ended, when it began to fetch, when it held its unit.

    ``stalls``: a row of stall cycles for each.
    """

    ready_cycles: Integers
    fetch_cycles: Integers
    start_cycles: Integers
    end_cycles: Integers
    stalls: Integers
