"""IEEE-754 binary floating-point formats that the datapath can execute."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.formats.format import Format


@dataclass(frozen=True)
class FloatFormat(Format):
    """A sign bit, ``exponent_bits`` and ``mantissa_bits`` (the hidden bit not counted)."""

    exponent_bits: int
    mantissa_bits: int

    @property
    def is_integer(self) -> bool:
        return False

    @property
    def storage(self) -> str:
        return f"float{self.bits}"


FP32 = FloatFormat("fp32", 32, exponent_bits=8, mantissa_bits=23)
