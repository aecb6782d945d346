"""A quantity that takes ten thousand increments of a hundredth of its last place, rounded each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.datapath.kernels import Kernels, RandomStream
from accelsim.formats.float_codes import round_to_float
from accelsim.formats.floating import BF16

STEPS, EVERY = 10_000, 100
INCREMENT = 0.01
"""Of one increment, in units of the last place at the start."""
COPIES = 256
"""Quantities that go through the same increments with random bits of their own; their mean is shown."""
BF16_ULP = 2.0**-BF16.mantissa_bits
STARTS = {"up": 1.0, "down": 2.0 - BF16_ULP, "both": 1.5}
"""First bf16 value by direction: 10,000 exact increments stay in the binade from 1 to 2."""
INTEGER_START = 10_000
SIGNS = {"up": 1.0, "down": -1.0}
DIRECTIONS = {"up": "away from zero", "down": "toward zero", "both": "either way, evenly"}


@dataclass(frozen=True)
class Walk:
    """Mean way from the start every ``EVERY`` increments, and what exact sums make of them, in ulp of the start."""

    format: str
    direction: str
    bits: int | None
    steps: list[int]
    mean: list[float]
    exact: list[float]


def walk(kernels: Kernels, format_: str, direction: str, bits: int | None) -> Walk:
    """``bits`` None rounds to nearest."""
    start, ulp = (STARTS[direction], BF16_ULP) if format_ == "bf16" else (float(INTEGER_START), 1.0)
    rng, values, exact = np.random.default_rng(3), np.full(COPIES, start), np.zeros(COPIES)
    steps, means, exacts = [0], [0.0], [0.0]
    for step in range(1, STEPS + 1):
        signs = rng.choice([-1.0, 1.0], COPIES) if direction == "both" else np.full(COPIES, SIGNS[direction])
        exact += signs * INCREMENT
        moved = values + signs * INCREMENT * ulp
        values = ROUNDERS[format_](kernels, moved, None if bits is None else RandomStream(1, step, 9, bits))
        if step % EVERY == 0:
            steps.append(step)
            means.append(float((values - start).mean() / ulp))
            exacts.append(float(exact.mean()))
    return Walk(format_, direction, bits, steps, means, exacts)


def predicted(direction: str, bits: int | None) -> float:
    """Ulp after all increments, from the chances of rounding up: floor(f * 2**bits) in 2**bits for a fraction f."""
    if bits is None:
        return 0.0
    up = int(INCREMENT * (1 << bits)) / (1 << bits)
    down = int((1 - INCREMENT) * (1 << bits)) / (1 << bits) - 1
    return STEPS * {"up": up, "down": down, "both": (up + down) / 2}[direction]


def _to_bf16(kernels: Kernels, exact: Any, stream: RandomStream | None) -> Any:
    values = exact.astype(np.float32)  # The update unit adds in fp32.
    if stream is None:
        return round_to_float(kernels.xp, values, BF16).astype(np.float64)
    codes = kernels.random_codes(stream, values.size)
    return round_to_float(kernels.xp, values, BF16, "stochastic", codes, stream.bits).astype(np.float64)


def _to_int16(kernels: Kernels, values: Any, stream: RandomStream | None) -> Any:
    if stream is None:
        return kernels.quantise(values, 1.0, -32767, 32767, "int16").astype(np.float64)
    return kernels.quantise_stochastic(values, 1.0, stream, -32767, 32767, "int16").astype(np.float64)


ROUNDERS: dict[str, Callable[[Kernels, Any, RandomStream | None], Any]] = {"bf16": _to_bf16, "int16": _to_int16}
"""How a format takes values in; without a stream, to nearest even."""
