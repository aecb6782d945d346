"""Linear-feedback shift registers: the random bits of real stochastic-rounding hardware.

Taps of maximal length from Xilinx XAPP 052 (Alfke 1996), table 3: one primitive polynomial over GF(2) a width, for
period 2**width - 1. State 0 is the one that never leaves itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

TAPS: dict[int, tuple[int, ...]] = {
    8: (8, 6, 5, 4),
    9: (9, 5),
    10: (10, 7),
    11: (11, 9),
    12: (12, 6, 4, 1),
    13: (13, 4, 3, 1),
    14: (14, 5, 3, 1),
    15: (15, 14),
    16: (16, 15, 13, 4),
    17: (17, 14),
    18: (18, 11),
    19: (19, 6, 2, 1),
    20: (20, 17),
    21: (21, 19),
    22: (22, 21),
    23: (23, 18),
    24: (24, 23, 22, 17),
    25: (25, 22),
    26: (26, 6, 2, 1),
    27: (27, 5, 2, 1),
    28: (28, 25),
    29: (29, 27),
    30: (30, 6, 4, 1),
    31: (31, 28),
    32: (32, 22, 2, 1),
}
"""Stages that feed back, by width; stage 1 takes the new bit and stage ``width`` is the oldest."""
BYTE = 256


@dataclass(frozen=True)
class Lfsr:
    """A register that shifts toward its top bit. Stage i is bit i - 1 of the state.

    Fibonacci: the new lowest bit is the XOR of the tapped stages. Galois: the bit that leaves the top is added to the
    lowest stage and to the one above each other tap.
    """

    width: int
    galois: bool = False

    def __post_init__(self) -> None:
        if self.width not in TAPS:
            raise ValueError(
                f"linear-feedback shift registers are {min(TAPS)} to {max(TAPS)} bits wide, not {self.width}"
            )

    @cached_property
    def feedback(self) -> int:
        """Fibonacci: mask of the tapped stages. Galois: what a one from the top is XORed with."""
        if self.galois:
            return sum(1 << tap for tap in TAPS[self.width][1:]) | 1
        return sum(1 << (tap - 1) for tap in TAPS[self.width])

    def step(self, state: int) -> int:
        """The state one clock later."""
        shifted = (state << 1) & ((1 << self.width) - 1)
        if self.galois:
            return shifted ^ (self.feedback if state >> (self.width - 1) else 0)
        return shifted | ((state & self.feedback).bit_count() & 1)

    def columns_after(self, clocks: int) -> list[int]:
        """Where each single-bit state is after ``clocks``: the columns of the step matrix's power over GF(2)."""
        result, power = [1 << bit for bit in range(self.width)], [self.step(1 << bit) for bit in range(self.width)]
        while clocks:
            if clocks & 1:
                result = [_apply(power, column) for column in result]
            power = [_apply(power, column) for column in power]
            clocks >>= 1
        return result


def lfsr_bits(xp: Any, seed: int, count: int, bits: int, lfsr: Lfsr | None = None, clocks: int | None = None) -> Any:
    """``count`` random codes of ``bits`` bits, uint32: the low bits of the state after every ``clocks`` clocks.

    Args:
        xp: the array library.
        seed: start state; its low ``width`` bits must not all be 0.
        count: codes wanted.
        bits: bits a code, at most the register's width.
        lfsr: the register (32 bits, Fibonacci).
        clocks: clocks between codes. The default, ``bits``, gives fresh bits each time, as a leap-forward register does
            in one cycle; 1 is the cheap circuit, whose successive codes share all bits but one.

    Raises:
        ValueError: the seed is 0, or ``bits`` or ``clocks`` is out of range.
    """
    lfsr = lfsr or Lfsr(32)
    clocks = bits if clocks is None else clocks
    check_draw(lfsr, seed, bits, clocks)
    states = xp.empty(count, dtype=xp.uint32)
    columns, filled = lfsr.columns_after(clocks), 1
    states[:1] = _apply(columns, seed & ((1 << lfsr.width) - 1))
    while filled < count:
        # The first ``filled`` states, all moved on by ``filled`` codes, are the next ones: doubling fills the array.
        fresh = min(filled, count - filled)
        states[filled : filled + fresh] = _apply_to_all(xp, columns, states[:fresh])
        columns, filled = [_apply(columns, column) for column in columns], filled + fresh
    return states & xp.uint32((1 << bits) - 1)


def check_draw(lfsr: Lfsr, seed: int, bits: int, clocks: int) -> None:
    """Refuse a draw that the register cannot make.

    Raises:
        ValueError: the seed is 0, or ``bits`` or ``clocks`` is out of range.
    """
    if not seed & ((1 << lfsr.width) - 1):
        raise ValueError(f"the low {lfsr.width} bits of a seed must not all be 0, and {seed}'s are")
    if not 1 <= bits <= lfsr.width or clocks < 1:
        raise ValueError(f"a register of {lfsr.width} bits gives 1 to {lfsr.width} bits every 1 or more clocks")


def _apply(columns: list[int], state: int) -> int:
    """Matrix times state over GF(2)."""
    result = 0
    for bit, column in enumerate(columns):
        if state >> bit & 1:
            result ^= column
    return result


def _apply_to_all(xp: Any, columns: list[int], states: Any) -> Any:
    """Matrix times each state, a byte of the state at a time by table."""
    result = xp.zeros_like(states)
    for low in range(0, len(columns), 8):
        part = columns[low : low + 8]
        table = xp.asarray([_apply(part, byte) for byte in range(BYTE)], dtype=xp.uint32)
        result ^= table[(states >> xp.uint32(low)) & xp.uint32(BYTE - 1)]
    return result
