"""OCP Microscaling (MX) v1.0 and block floating point: small elements under a power-of-two scale a block.

The scale is 2**(floor(log2 max|v|) - emax of the element) in E8M0. Flooring makes block maxima between the largest
element and 2**(emax + 1) saturate. Integer elements are two's complement with two bits before the point, kept
symmetric (code -2**(bits - 1) is never made), so that MXINT8 is block floating point with an 8-bit mantissa.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from accelsim.formats.blocks import join, split, spread
from accelsim.formats.doubles import floor_log2, power_of_two
from accelsim.formats.float_codes import round_to_float
from accelsim.formats.floating import FP4_E2M1, FP6_E2M3, FP6_E3M2, FP8_E4M3, FP8_E5M2, FloatFormat
from accelsim.formats.format import Format
from accelsim.formats.integer import IntegerFormat, integer
from accelsim.formats.rounding import MAX_RANDOM_BITS, RoundingMode, round_real

SCALE_BITS = 8
SCALE_BIAS = 127
"""E8M0: code = exponent + 127."""
NAN_EXPONENT = 128
"""Exponent whose E8M0 code, 255, is NaN."""
MX_BLOCK = 32
BEYOND = 2.0**128
"""No block scale and no float32 reaches this far."""
WIDEST_MANTISSA = 24
"""Widest integer element whose values are exact in float32, subnormals included."""


class BlockValues(NamedTuple):
    """Float32 values as the format holds them, and int32 scale exponents: one entry a block along the axis."""

    values: Any
    exponents: Any


@dataclass(frozen=True)
class BlockFormat(Format):
    """Elements of one format, ``block`` of them under one scale: here an 8-bit power of two.

    ``bits`` counts an element alone. Emulation carries float32 values, so this is no integer format even where the
    elements are integers.
    """

    element: FloatFormat | IntegerFormat
    block: int = MX_BLOCK

    @property
    def family(self) -> str:
        return "block"

    @property
    def is_integer(self) -> bool:
        return False

    @property
    def storage(self) -> str:
        return "float32"

    @property
    def axis_matters(self) -> bool:
        return True

    @property
    def scale_bits(self) -> int:
        """Bits of the scale that a block shares."""
        return SCALE_BITS

    @property
    def bits_per_element(self) -> float:
        return self.bits + self.scale_bits / self.block

    @property
    def emax(self) -> int:
        """Exponent of the largest element."""
        return self.element.emax if isinstance(self.element, FloatFormat) else 0

    def bytes_for(self, elements: int, run: int = 0) -> int:
        """Bytes of ``elements`` packed codes and their scales, where only the last block of a run may be short."""
        whole, rest = divmod(elements, run) if run else (0, elements)
        blocks = whole * -(-run // self.block) + -(-rest // self.block)
        return (elements * self.bits + blocks * self.scale_bits + 7) // 8

    def units(self, xp: Any, x: Any, axis: int) -> Any:
        """What 1 stands for in the block of each value of ``x``: of a float element a number, of an integer a code."""
        point = 2 - self.bits if isinstance(self.element, IntegerFormat) else 0
        blocks = power_of_two(xp, quantise_blocks(xp, x, self, axis).exponents + point)
        return spread(xp, blocks, axis, self.block, x.shape[axis])

    def quantised(
        self, xp: Any, x: Any, axis: int, rounding: str, random: Any = None, random_bits: int = MAX_RANDOM_BITS
    ) -> Any:
        """``x`` as the format holds it: values in ``storage``, exact."""
        return quantise_blocks(xp, x, self, axis, rounding, random, random_bits).values


def quantise_blocks(
    xp: Any,
    x: Any,
    format_: BlockFormat,
    axis: int = -1,
    rounding: str = RoundingMode.NEAREST_EVEN,
    random: Any = None,
    random_bits: int = MAX_RANDOM_BITS,
) -> BlockValues:
    """Values quantised in blocks along ``axis``, each element rounded once; the result is exact in float32.

    The scale exponent is clamped to -127 .. 127, and is -127 for a block of zeros. A block that holds NaN, infinity or
    a magnitude of 2**128 or more becomes NaN altogether, scale and values. Elements saturate;
    ``random`` has the shape of ``x``.
    """
    blocks = split(xp, xp.asarray(x, dtype=xp.float64), axis, format_.block)
    codes = None if random is None else split(xp, xp.asarray(random), axis, format_.block)
    peak = xp.abs(blocks).max(axis=-1, keepdims=True)
    broken = ~(peak < BEYOND)
    exponent = floor_log2(xp, xp.where(broken, 0.0, peak)) - format_.emax
    exponent = xp.clip(exponent, -SCALE_BIAS, SCALE_BIAS)
    scaled = xp.where(broken, 0.0, blocks) * power_of_two(xp, -exponent)
    elements = _round_elements(xp, scaled, format_.element, rounding, codes, random_bits)
    values = xp.where(broken, float("nan"), elements * power_of_two(xp, exponent)).astype(xp.float32)
    exponents = xp.where(broken, NAN_EXPONENT, exponent)[..., 0].astype(xp.int32)
    return BlockValues(join(xp, values, axis, x.shape[axis]), xp.moveaxis(exponents, -1, axis))


def _round_elements(
    xp: Any, scaled: Any, element: FloatFormat | IntegerFormat, rounding: str, random: Any, random_bits: int
) -> Any:
    if isinstance(element, FloatFormat):
        return round_to_float(xp, scaled, element, rounding, random, random_bits).astype(xp.float64)
    unit = 2.0 ** (2 - element.bits)
    codes = round_real(xp, scaled / unit, rounding, random, random_bits)
    return xp.clip(codes, -element.max_code, element.max_code) * unit


def block_floating_point(bits: int, block: int) -> BlockFormat:
    """``bfpN_bM``: N-bit two's-complement mantissas, M of them under a shared exponent.

    Raises:
        ValueError: ``bits`` is outside 2..24, or ``block`` is below 1.
    """
    if not 2 <= bits <= WIDEST_MANTISSA or block < 1:
        found = f"bfp{bits}_b{block}"
        raise ValueError(f"bfpN_bM has N of 2 to {WIDEST_MANTISSA} bits and blocks of 1 or more, unlike {found}")
    return BlockFormat(f"bfp{bits}_b{block}", bits, integer(bits), block)


MXINT8 = BlockFormat("mxint8", 8, integer(8))
MXFP8_E4M3 = BlockFormat("mxfp8_e4m3", 8, FP8_E4M3)
MXFP8_E5M2 = BlockFormat("mxfp8_e5m2", 8, FP8_E5M2)
MXFP6_E3M2 = BlockFormat("mxfp6_e3m2", 6, FP6_E3M2)
MXFP6_E2M3 = BlockFormat("mxfp6_e2m3", 6, FP6_E2M3)
MXFP4 = BlockFormat("mxfp4", 4, FP4_E2M1)
MX_FORMATS = (MXINT8, MXFP8_E4M3, MXFP8_E5M2, MXFP6_E3M2, MXFP6_E2M3, MXFP4)
"""Every concrete format of OCP MX v1.0."""
