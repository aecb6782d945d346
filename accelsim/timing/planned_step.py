"""A training step planned for a machine: simulated as often as wanted, without planning anew.

Tiles are best for each product alone, and a step of products that take less each may be longer (Graham 1969). So with
``tiling: search`` the step is timed with the tiles of the rule, too, and the shorter one counts: a search never makes a
step longer. Where operations run one at a time, or least traffic is asked for, there is no need.
"""

from __future__ import annotations

from functools import cached_property

from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.timing.placed_step import Progress, Run, Scheduled
from accelsim.timing.tiled_step import TiledStep
from accelsim.timing.timeline import Timeline

__all__ = ["PlannedStep", "Progress"]


class PlannedStep:
    """The plans of all operations of ``program`` on ``hw``.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """

    def __init__(self, program: Program, hw: HardwareConfig) -> None:
        self.program = program
        self.hw = hw
        self._as_asked = TiledStep(program, hw)

    def simulate(
        self,
        progress: Progress | None = None,
        *,
        untimed: frozenset[int] = frozenset(),
        skip: bool = True,
        like: Timeline | None = None,
    ) -> Timeline:
        """Time the step, as ``simulator.simulate`` says; ``progress`` hears of the first schedule on all arrays.

        ``like``: an earlier simulation of this step; products are cut, tensors placed, and units serve, as they did
        there, on as many arrays.
        """
        run = Run(untimed, skip, progress)
        if like:
            by_rule = like.tiling != self.hw.mac_array.tiling
            return (self._by_rule if by_rule else self._as_asked).like(like, run).timeline()
        return self._shortest(run).timeline()

    def _shortest(self, run: Run) -> Scheduled:
        best, array = self._as_asked.shortest(run), self.hw.mac_array
        if array.tiling == "rule" or array.tiling_goal == "traffic" or self.hw.serial:
            return best
        return min(best, self._by_rule.shortest(Run(run.untimed, run.skip)), key=lambda schedule: schedule.cycles)

    @cached_property
    def _by_rule(self) -> TiledStep:
        """The same with tiles that no search is made for: whatever fits with these, fits with those."""
        array = self.hw.mac_array.model_copy(update={"tiling": "rule"})
        return TiledStep(self.program, self.hw.model_copy(update={"mac_array": array}))
