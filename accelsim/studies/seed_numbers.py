"""Which seeds several trainings have: a list of them, or how many, in ``simulate`` and in ``sweep`` alike."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from pathlib import Path
from typing import Any

from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Workload
from accelsim.simulation.inputs import LARGEST_SEED, read_inputs

WANTED = "how many seeds, as 3, or a list of them, as 1,2,3"


def seed_numbers(
    seeds: Sequence[int] | int,
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Topology | Path | str,
    settings: Sequence[str] = (),
) -> tuple[int, ...]:
    """The seeds that are asked for: those of a list, or ``seeds`` of them, counted from the workload's own on.

    Raises:
        UserError: a count below two, a seed twice or out of range, or neither a count nor a list; or a file is wrong.
    """
    found = _whole(seeds)
    if isinstance(found, int):
        if found < 2:
            raise UserError(
                f"--seeds: a number says how many, and two or more are wanted, as 3 or 1,2,3; found {found}"
            )
        first = read_inputs(hwconfig, workload, settings=settings).training.seed
        found = tuple(range(first, min(first + found, LARGEST_SEED + 2)))
    if wrong := next((str(seed) for seed in found if not 0 <= seed <= LARGEST_SEED), None):
        raise UserError(f"--seeds: whole numbers from 0 to {LARGEST_SEED} are wanted, not {wrong}")
    if len(set(found)) < len(found):
        raise UserError("--seeds: a seed stands twice")
    return found


def _whole(seeds: Any) -> int | tuple[int, ...]:
    """``seeds`` as Python's caller gave them.

    Raises:
        UserError: neither a whole number nor a sequence of them.
    """
    several = not isinstance(seeds, str) and hasattr(seeds, "__iter__")
    given = tuple(seeds) if several else (seeds,)
    for one in given:
        if isinstance(one, bool) or not hasattr(one, "__index__"):
            raise UserError(f"seeds: found {one!r}; allowed: {WANTED}")
    found = tuple(index(one) for one in given)
    return found if several else found[0]
