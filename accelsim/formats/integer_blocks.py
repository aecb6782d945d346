"""Symmetric integers with one fp32 scale for each block (VS-Quant, Dai et al. 2021, with its scales left in fp32)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accelsim.formats.blocks import split, spread
from accelsim.formats.integer import IntegerFormat, integer
from accelsim.formats.mx import BlockFormat
from accelsim.formats.rounding import MAX_RANDOM_BITS
from accelsim.formats.scales import Scale, scale_for, scaled_codes, scaled_values

WIDEST_ELEMENT = 16


@dataclass(frozen=True)
class IntegerBlockFormat(BlockFormat):
    """``block`` integers under their own largest magnitude / largest code, rounded to fp32.

    Emulation carries doubles: a code of up to 16 bits times a scale of 24 is exact. A product adds in double
    precision too, where hardware has integers inside a block and the accumulator's format from block to block.

    A block that holds NaN or infinity becomes NaN altogether, as its scale would in fp32.
    """

    @property
    def storage(self) -> str:
        return "float64"

    @property
    def scale_bits(self) -> int:
        return 32

    def units(self, xp: Any, x: Any, axis: int) -> Any:
        if not isinstance(self.element, IntegerFormat):
            raise TypeError(f"{self} holds no integers")
        x = xp.asarray(x, dtype=xp.float64)
        peak = xp.moveaxis(xp.abs(split(xp, x, axis, self.block)).max(axis=-1), -1, axis)
        blocks = scale_for(xp, x, self.element, "per_block", "fp32", axis=axis, block=self.block)
        step = xp.where(peak < float("inf"), blocks.step, float("nan"))
        return spread(xp, step, axis, self.block, x.shape[axis])

    def quantised(
        self, xp: Any, x: Any, axis: int, rounding: str, random: Any = None, random_bits: int = MAX_RANDOM_BITS
    ) -> Any:
        if not isinstance(self.element, IntegerFormat):
            raise TypeError(f"{self} holds no integers")
        x = xp.asarray(x, dtype=xp.float64)
        unit = self.units(xp, x, axis)
        known = ~xp.isnan(unit)
        scale = Scale(xp.where(known, unit, 1.0), 0, self.element.symmetric_min_code)
        codes = scaled_codes(xp, xp.where(known, x, 0.0), scale, self.element, rounding, random, random_bits)
        return xp.where(known, scaled_values(xp, codes, scale), float("nan"))


def integer_blocks(bits: int, block: int) -> IntegerBlockFormat:
    """``intN_bM``: N-bit integers, M of them under one scale.

    Raises:
        ValueError: ``bits`` is outside 2..16, or ``block`` is below 1.
    """
    if not 2 <= bits <= WIDEST_ELEMENT or block < 1:
        found = f"int{bits}_b{block}"
        raise ValueError(f"intN_bM has N of 2 to {WIDEST_ELEMENT} bits and blocks of 1 or more, unlike {found}")
    return IntegerBlockFormat(f"int{bits}_b{block}", bits, integer(bits), block)
