"""A step that does one operation after another, as issued: each takes the cycles that it takes alone.

So the step is the sum of its operations, each cut into the tiles with which it is fastest (``mapping/price.py``), with
tensors where that sum is least, of placements to which more room only adds (``placement/nested.py``). No operation
takes longer alone with more of anything, nor with a tensor nearer, so neither does the step.

DRAM begins each operation anew: a turn of the channel between two of them is hidden by the latency of the next one.
Within one, whose transfers come in a fixed order, the channel turns round for the next as soon as it's free: what had
to wait for its turn alone would take longer where a load before it, which turned earlier, is spared.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

import numpy as np
import simpy

from accelsim.errors import MisfitError
from accelsim.timing.pipelines.event_pipelines import EventPipelines
from accelsim.timing.pipelines.memory_system import Alone, together, unmoved
from accelsim.timing.pipelines.stalls import COUNTS
from accelsim.timing.placed_step import PlacedStep, Run, Scheduled
from accelsim.timing.placement.nested import nested_placements
from accelsim.timing.placement.residency import Residency
from accelsim.timing.plan import Segment
from accelsim.timing.scheduling.held import Held


def placed_serially(issued: PlacedStep) -> PlacedStep:
    """The step with tensors where the sum of its operations is least; ``issued`` is any placement of it."""
    sums = _Sums(issued)
    found = ((sums.cycles(placed), placed) for placed in nested_placements(issued.program, issued.residency))
    fitting = [(cycles, placed) for cycles, placed in found if cycles is not None]
    if not fitting:
        return issued
    return PlacedStep(issued.program, issued.hw, min(fitting, key=lambda each: each[0])[1], issued)


def serially(placed: PlacedStep, run: Run) -> Scheduled:
    """The schedule of ``placed``, one operation after another."""
    runs = _Runs(placed, run).all()
    cycles = np.array([alone.cycles for alone in runs], np.int64)
    ends = np.cumsum(cycles, dtype=np.int64)
    starts = ends - cycles
    stalls = np.array([alone.stalls for alone in runs], np.int64).reshape(-1, COUNTS)
    return Scheduled(placed, run, tuple(range(len(runs))), Held.of(starts, starts, starts, ends, stalls), 1, 1)


class _Runs:
    """Each operation by itself, with what repeats skipped or one event a piece."""

    def __init__(self, placed: PlacedStep, run: Run) -> None:
        self._planner, self._run = placed.planner, run
        self._plans = placed.timed(run)

    def all(self) -> list[Alone]:
        found = []
        for plan in self._plans:
            found.append(
                self._planner.alone(plan) if self._run.skip else together(list(map(self._by_events, plan.runs)))
            )
            if self._run.progress:
                self._run.progress(len(found), len(self._plans))
        return found

    def _by_events(self, steps: Segment) -> Alone:
        if not steps.moves:
            return unmoved(steps.busy_cycles)
        environment, loops = simpy.Environment(), self._planner.loops(steps)
        pipelines = EventPipelines(environment, loops, self._planner.depths, ahead=True)
        running = pipelines.start(0, 0, held_back=False)
        environment.run(running.ended)
        return Alone(int(environment.now), cast(list[int], running.ended.value))


class _Sums:
    """Sums of the cycles that operations take alone, wherever tensors live."""

    def __init__(self, issued: PlacedStep) -> None:
        self._issued = issued
        self._cycles: dict[Hashable, int] = {}

    def cycles(self, residency: Residency) -> int | None:
        """Of all operations; None where one doesn't fit into its buffers."""
        planner = self._issued.planner.placed(residency)
        places = residency.places(len(self._issued.program.tensors))
        total = 0
        for operation in self._issued.program.operations:
            key = self._issued.alike.key(operation.index, places)
            if key not in self._cycles:
                try:
                    self._cycles[key] = planner.alone(planner.plan(operation, key)).cycles
                except MisfitError:
                    return None
            total += self._cycles[key]
        return total
