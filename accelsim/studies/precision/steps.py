"""Which training steps a study looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from accelsim.errors import UserError

Step = int | Literal["last"]
"""Counted from 1."""
DEFAULT_STEPS = 8


def chosen_steps(total: int, at: Sequence[Step] | None, every: int | None) -> list[int]:
    """Steps from 1 to ``total``; by default eight from the first to the last, at equal ratios.

    Raises:
        UserError: there is no such step.
    """
    if at is not None and every is not None:
        raise UserError("--at and --every both choose steps; give one of them")
    if every is not None:
        if not 1 <= every <= total:
            raise UserError(f"--every must be from 1 to {total}, the number of training steps, not {every}")
        return list(range(every, total + 1, every))
    if at is None:
        return sorted({round(float(step)) for step in np.geomspace(1, total, DEFAULT_STEPS)})
    found = [total if step == "last" else step for step in at]
    beyond = [step for step in found if not 1 <= step <= total]
    if beyond or not found:
        what = f"found {beyond[0]}" if beyond else "found none"
        raise UserError(f"--at: {what}; steps go from 1 to {total}, the last one")
    return sorted(set(found))
