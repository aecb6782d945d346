"""A shift by any number of bits, either way, with one rounding: saturating to the left, rounding to the right."""

from __future__ import annotations

from typing import Any

from accelsim.formats import Rounding
from accelsim.formats.rounding import MAX_RANDOM_BITS, MAX_SHIFT, rounding_shift

TERM_BITS = 61
"""A shifted word saturates at 2**61: three of them add up in 64 bits."""


def shifted(
    xp: Any, x: Any, shift: int, rounding: Rounding, random: Any = None, random_bits: int = MAX_RANDOM_BITS
) -> Any:
    """int64 ``x / 2**shift``, rounded once and saturated to +-2**61; ``shift`` may be negative.

    ``nearest`` rounds half away from zero. Beyond a shift of 62 bits, |x| is below 2**62.
    """
    if shift < 0:
        left = min(-shift, TERM_BITS)
        bound = (1 << TERM_BITS) >> left
        return xp.clip(x, -bound, bound) << left
    # Bits so far down lie below every random bit; all that they can tell is that there is no tie: one bit does.
    dropped = min(max(shift - MAX_SHIFT, 0), MAX_SHIFT + 1)
    word = (x >> dropped) | ((x & ((1 << dropped) - 1)) != 0)
    mode = Rounding.NEAREST_AWAY if rounding is Rounding.NEAREST else rounding
    found = rounding_shift(xp, word, min(shift, MAX_SHIFT), str(mode), random, random_bits)
    return xp.clip(found, -(1 << TERM_BITS), 1 << TERM_BITS)
