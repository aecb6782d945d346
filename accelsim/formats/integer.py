"""Two's-complement and unsigned integer formats of 1 to 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from accelsim.formats.format import Format


@dataclass(frozen=True)
class IntegerFormat(Format):
    """Integer codes; real value = code x scale (symmetric: zero is code 0)."""

    signed: bool

    @property
    def family(self) -> str:
        return "integer"

    @property
    def is_integer(self) -> bool:
        return True

    @cached_property
    def storage(self) -> str:
        width = next(width for width in (8, 16, 32, 64) if self.bits <= width)
        return f"{'int' if self.signed else 'uint'}{width}"

    @cached_property
    def min_code(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @cached_property
    def max_code(self) -> int:
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @cached_property
    def symmetric_min_code(self) -> int:
        """Lowest code that a symmetric quantiser emits: -max_code, so that negation never overflows."""
        return -self.max_code if self.signed else 0


def integer(bits: int, *, signed: bool = True) -> IntegerFormat:
    """Return ``intN`` or ``uintN``.

    Raises:
        ValueError: ``bits`` is outside 1..64 (2..64 when signed).
    """
    if not (2 if signed else 1) <= bits <= 64:
        raise ValueError(f"integer formats have {2 if signed else 1} to 64 bits, not {bits}")
    return IntegerFormat(f"{'int' if signed else 'uint'}{bits}", bits, signed)
