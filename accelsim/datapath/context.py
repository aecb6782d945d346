"""What the units of the datapath share during a step."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

from accelsim.datapath.kernels import Kernels, RandomStream
from accelsim.datapath.observation import Observation, Watcher
from accelsim.datapath.scale_state import ScaleState
from accelsim.formats import Recipe, TensorRule

NORM_FRACTION_BITS = 8
"""Bits that means and centred values carry below the unit of their codes."""
NORM_FRACTION = 2.0**-NORM_FRACTION_BITS
NORMALISED_SCALE = 2.0**-16
"""Unit of the words that leave ``normalise``: 16 fraction bits in 32."""


@dataclass
class Context:
    """Kernels, seed and step of the random bits, and the state that outlives a step.

    ``state`` holds persistent tensors by name, ``scales`` what the quantisers remember. An
    ``observation`` and a ``watcher`` see every operation of the step. An evaluation that is ``calibrating`` measures
    ranges anew, as training does. ``overflow`` is the last step in which an accumulator overflowed, and how.

    With dynamic loss scaling ``gradient_overflow`` is this step's sticky flag of the quantise unit: it met a gradient
    that was not finite, or stopped one at its format's largest number; ``skips_update``: the step updates nothing.
    """

    kernels: Kernels
    recipe: Recipe
    seed: int
    state: dict[str, Any] = field(default_factory=dict)
    scales: ScaleState = field(default_factory=ScaleState)
    observation: Observation | None = None
    watcher: Watcher | None = None
    step: int = 0
    training: bool = True
    calibrating: bool = False
    learning_rate: float = 0.0
    overflow: tuple[int, str] | None = None
    gradient_overflow: bool = False
    skips_update: bool = False

    @property
    def measures_ranges(self) -> bool:
        """Whether ranges come from the tensors at hand, and are remembered."""
        return self.training or self.calibrating

    @property
    def loss_scale(self) -> float:
        """What gradients are multiplied by: in this step, until that is settled, then in the next one."""
        rule, state = self.recipe.loss_scale, self.scales.loss_scale
        if rule is None:
            return 1.0
        return state.scale if rule.dynamic and state is not None else rule.initial

    @property
    def skipped_steps(self) -> int:
        """Steps so far that updated nothing."""
        return self.scales.loss_scale.skipped_steps if self.scales.loss_scale is not None else 0

    def random_stream(self, tensor: str, rule: TensorRule) -> RandomStream:
        """The random bits of one tensor in this step: keyed by (seed, step, crc32 of its name, element)."""
        return RandomStream(self.seed, self.step, zlib.crc32(tensor.encode()), rule.random_bits, rule.random_source)
