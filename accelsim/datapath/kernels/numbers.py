"""Numbers of the normalisation unit, one a group, worked out in double precision in this computer's memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.formats import FixedPointMultiplier

LARGEST_GAIN = 2.0**30 - 1
"""Gains saturate here: the widest left shift that the multiplier has."""


class Numbers(NamedTuple):
    """Codes (groups,), or one code for all, and their scale: one for all or one for each."""

    codes: Any
    scale: Any

    @property
    def real(self) -> Any:
        """What they stand for."""
        return self.codes.astype(np.float64) * self.scale


ONE = Numbers(np.ones(1), 1.0)


def divided(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator (an array that numerator broadcasts to), 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(denominator.shape), where=denominator != 0)


class NumberKernels:
    """Numbers, multipliers and what is made of them are in this computer's memory, wherever the kernels compute."""

    xp: Any

    def on_host(self, *arrays: Any) -> list[Any]:
        """Arrays in this computer's memory, to be read alone: what numbers are worked out from. The host waits once
        where they are elsewhere, and not at all for what it has asked for before in this step."""
        return [on_host(x) for x in arrays]

    def forget(self) -> None:
        """A step begins: what was found out about arrays in the one before no longer counts."""

    def multiplier(self, real: Any) -> FixedPointMultiplier:
        """A real multiplier, or an array of one per channel, in fixed point."""
        return FixedPointMultiplier.from_real(real)

    def reciprocals(self, spread: Numbers, unit: float) -> Any:
        """unit / spread; a zero range gives 0, so such a group puts out beta and passes no gradient."""
        return unit * divided(1.0, spread.real)

    def forward_gain(self, gamma: Numbers, spread: Numbers, unit: float) -> FixedPointMultiplier:
        """gamma / spread x unit, saturated where the 32-bit words that it makes would be."""
        gain = gamma.real * divided(1.0, spread.real) * unit
        return self.multiplier(np.minimum(np.maximum(gain, -LARGEST_GAIN), LARGEST_GAIN))

    def gradient_gain(self, gamma: Numbers, spread: Numbers) -> tuple[FixedPointMultiplier, float]:
        """gamma / spread relative to the largest, and that largest."""
        gain = gamma.real * divided(1.0, spread.real)
        largest = float(np.abs(gain).max()) or 1.0
        return self.multiplier(gain / largest), largest

    def offsets(self, beta: Numbers, unit: float) -> Any:
        """beta in whole ``unit``s, rounded half up, int64."""
        return np.floor(beta.real / unit + 0.5).astype(np.int64)

    def moved(self, running: Any, found: Numbers, momentum: float, *, inverse: bool) -> Any:
        """momentum running + (1 - momentum) found, or 1 / found; all where the kernels compute."""
        share, found = np.float32(momentum), found._replace(codes=self.on_host(found.codes)[0])
        new = self.xp.asarray((self.reciprocals(found, 1.0) if inverse else found.real).astype(running.dtype))
        return share * running + (np.float32(1) - share) * new
