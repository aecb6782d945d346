"""Numbers of the normalisation unit, compiled: a call of NumPy costs more than all its work on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.arrays import is_per_channel
from accelsim.datapath.kernels.compiled import per_channel
from accelsim.datapath.kernels.numbers import NumberKernels, Numbers
from accelsim.formats import FixedPointMultiplier


class CompiledNumbers(NumberKernels):
    """Same bits as the NumPy kernels; scales of their own for each group are left to those."""

    def multiplier(self, real: Any) -> FixedPointMultiplier:
        if isinstance(real, float):
            return FixedPointMultiplier.from_real(real)
        if not isinstance(real, np.ndarray) or real.ndim != 1:
            return super().multiplier(real)
        mantissa, exponent = np.empty((2, real.size), dtype=np.int64)
        per_channel.fixed_point(real, mantissa, exponent)
        return FixedPointMultiplier(mantissa, exponent)

    def reciprocals(self, spread: Numbers, unit: float) -> Any:
        if is_per_channel(spread.scale):
            return super().reciprocals(spread, unit)
        out = np.empty(spread.codes.size)
        per_channel.reciprocals(spread.codes, float(spread.scale), float(unit), out)
        return out

    def forward_gain(self, gamma: Numbers, spread: Numbers, unit: float) -> FixedPointMultiplier:
        if not _are_even(gamma, spread):
            return super().forward_gain(gamma, spread, unit)
        numbers = np.empty((2, spread.codes.size), dtype=np.int64)
        per_channel.forward_gain(*_flat(gamma), *_flat(spread), float(unit), numbers)
        return FixedPointMultiplier(numbers[0], numbers[1])

    def gradient_gain(self, gamma: Numbers, spread: Numbers) -> tuple[FixedPointMultiplier, float]:
        if not _are_even(gamma, spread):
            return super().gradient_gain(gamma, spread)
        numbers = np.empty((2, spread.codes.size), dtype=np.int64)
        largest = per_channel.gradient_gain(*_flat(gamma), *_flat(spread), numbers)
        return FixedPointMultiplier(numbers[0], numbers[1]), largest

    def offsets(self, beta: Numbers, unit: float) -> Any:
        if is_per_channel(beta.scale):
            return super().offsets(beta, unit)
        out = np.empty(beta.codes.size, dtype=np.int64)
        per_channel.offsets(*_flat(beta), unit, out)
        return out

    def moved(self, running: Any, found: Numbers, momentum: float, *, inverse: bool) -> Any:
        if is_per_channel(found.scale) or running.dtype != np.float32:
            return super().moved(running, found, momentum, inverse=inverse)
        out = np.empty_like(running)
        per_channel.moved(running, *_flat(found), momentum, inverse, out)
        return out


def _are_even(gamma: Numbers, spread: Numbers) -> bool:
    """True for as many codes of either, each under one scale."""
    one_scale = not (is_per_channel(gamma.scale) or is_per_channel(spread.scale))
    return one_scale and bool(gamma.codes.size == spread.codes.size)


def _flat(numbers: Numbers) -> tuple[Any, float]:
    return numbers.codes, float(numbers.scale)
