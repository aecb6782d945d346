"""Flexpoint (Koster et al. 2017): integers of one tensor under one exponent that is predicted, not measured.

value = code * k, k = 2**-exponent. Autoflex predicts the next k from the largest codes of the last 16 writes, so that
a tensor is written once; what the prediction misses saturates.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from accelsim.formats.doubles import power_of_two
from accelsim.formats.format import Format
from accelsim.formats.integer import integer
from accelsim.formats.rounding import MAX_RANDOM_BITS, RoundingMode, round_real

HISTORY = 16
HEADROOM, SPREAD, FLOOR = 2.0, 3.0, 100.0
"""Autoflex's alpha, beta and gamma."""
FIRST_EXPONENT = 8
"""k = 2**-8, where ngraph's flex transformer starts."""


@dataclass(frozen=True)
class FlexpointFormat(Format):
    """``bits`` of two's complement a code, and one unsigned exponent of ``exponent_bits`` a tensor.

    Codes times 2**-exponent are values, which makes this an integer format with a power-of-two scale.
    """

    exponent_bits: int

    @property
    def family(self) -> str:
        return "flexpoint"

    @property
    def is_integer(self) -> bool:
        return True

    @property
    def storage(self) -> str:
        return integer(self.bits).storage

    @property
    def min_code(self) -> int:
        return -(1 << (self.bits - 1))

    @property
    def max_code(self) -> int:
        return (1 << (self.bits - 1)) - 1

    @property
    def max_exponent(self) -> int:
        """Largest exponent, hence the smallest k; the smallest exponent is 0."""
        return (1 << self.exponent_bits) - 1


FLEX16_5 = FlexpointFormat("flex16+5", 16, exponent_bits=5)


def flexpoint_codes(
    xp: Any,
    x: Any,
    exponent: int,
    format_: FlexpointFormat = FLEX16_5,
    rounding: str = RoundingMode.NEAREST_EVEN,
    random: Any = None,
    random_bits: int = MAX_RANDOM_BITS,
) -> Any:
    """Codes of values under k = 2**-exponent, rounded once and saturated to two's complement; NaN has no code."""
    scaled = xp.asarray(x, dtype=xp.float64) * power_of_two(xp, exponent)
    # Infinity saturates as every other large number does.
    scaled = xp.clip(scaled, format_.min_code - 1.0, format_.max_code + 1.0)
    codes = round_real(xp, scaled, rounding, random, random_bits)
    return xp.clip(codes, format_.min_code, format_.max_code).astype(format_.storage)


@dataclass
class AutoflexState:
    """The exponent of one tensor and the statistics that predict it. Plain floats, the same on every machine.

    First ``initialise`` until it accepts, running the operation again each time; afterwards ``update`` once a write.
    """

    format: FlexpointFormat = FLEX16_5
    exponent: int = FIRST_EXPONENT
    history: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    """Largest magnitudes of the last writes, as real values."""

    @property
    def k(self) -> float:
        """The real value of code 1."""
        return 2.0**-self.exponent

    def overflowed(self, largest: int) -> bool:
        """True when ``largest``, the largest magnitude of a write's codes, shows that codes may have saturated."""
        return largest >= self.format.max_code

    def initialise(self, largest: int) -> bool:
        """Move the exponent after a trial write; True when it is accepted (it may have just moved: write again).

        An exponent at the end of its range that would move further out is accepted too, such as that of a zero tensor.
        """
        bits, before = self.format.bits, self.exponent
        if self.overflowed(largest):
            self._set(before - (bits - 1) // 2)
            return self.exponent == before
        if largest < 1 << (bits - 2):
            self._set(before - (_ceil_log2(max(largest, 1)) - (bits - 2)))
        return largest > 1 << ((bits - 1) // 2 - 2) or self.exponent == before

    def update(self, largest: int) -> int:
        """Take in the largest magnitude of the codes just written, and return the exponent for the next write."""
        if self.overflowed(largest):
            self.history.clear()
            largest *= 2
        self.history.append(largest * self.k)
        mean = math.fsum(self.history) / len(self.history)
        deviation = math.sqrt(math.fsum((f - mean) ** 2 for f in self.history) / len(self.history))
        expected = HEADROOM * (max(self.history) + SPREAD * deviation + FLOOR * self.k)
        self._set(self.format.bits - 1 - _ceil_log2(expected))
        return self.exponent

    def to_dict(self) -> dict[str, Any]:
        """State as JSON types; floats survive exactly."""
        return {"exponent": self.exponent, "history": list(self.history)}

    @classmethod
    def from_dict(cls, state: dict[str, Any], format_: FlexpointFormat = FLEX16_5) -> AutoflexState:
        """State from ``to_dict``."""
        return cls(format_, int(state["exponent"]), deque(map(float, state["history"]), maxlen=HISTORY))

    def _set(self, exponent: int) -> None:
        self.exponent = min(max(exponent, 0), self.format.max_exponent)


def _ceil_log2(positive: float) -> int:
    fraction, exponent = math.frexp(positive)
    return exponent - (fraction == 0.5)
