"""The simulator: a Program replayed on the units and memories of a hwconfig."""

from __future__ import annotations

from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.timing.planned_step import PlannedStep, Progress
from accelsim.timing.timeline import Timeline


def simulate(
    program: Program,
    hw: HardwareConfig,
    progress: Progress | None = None,
    *,
    untimed: frozenset[int] = frozenset(),
    skip: bool = True,
) -> Timeline:
    """Time one training step; the same arguments give the same Timeline.

    An operation starts when what it depends on has ended and its unit is free (one of ``mac_array.products_at_once``
    arrays, or the single vector, norm, quantise or update unit). Among those that wait for a unit, the serial path's
    come first, or those that begin the longest chain; DRAM serves the tiles that wait for it in the same order. An
    operation holds its unit until its last tile is stored. Other placements of tensors and orders of service are tried,
    and the shortest schedule counts (``schedule_search``). Where it is shorter on fewer arrays, the others stay idle
    (``tiled_step``), so that more arrays never make a step longer, unless products are split over them; where it is
    shorter with tiles that weren't searched for, it has those (``planned_step``).

    Operations in ``untimed`` take no time and move nothing: what if they were free?

    ``skip`` passes over whole periods of what repeats itself. Without it, every piece is an event: slower, the same
    Timeline.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """
    return PlannedStep(program, hw).simulate(progress, untimed=untimed, skip=skip)
