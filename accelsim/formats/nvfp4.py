"""NVFP4 (NVIDIA 2025, arXiv 2509.25149): E2M1 in blocks of 16 under an E4M3 scale, and one fp32 scale a tensor.

Two levels: the tensor's scale brings its largest magnitude to 6 x 448, the largest element under the largest block
scale. What a policy finds is this scale, and with ``current`` it waits for the whole tensor, unlike MX.

Here are values in units of the tensor's scale, u = v / scale in double precision. Of each block

- scale = max|u| / 6, a double, rounded to E4M3 (nearest even, its subnormals included), 448 at most;
- element = u / scale, a double, rounded to E2M1 as the tensor's rule says, 6 at most.

A block whose scale rounds to zero is all zeros. One that holds NaN or infinity becomes NaN altogether, which E4M3 has a
code for. The published kernels take fp32 reciprocals on the way, so that theirs may round the other way next to a tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accelsim.formats.blocks import split, spread
from accelsim.formats.float_codes import round_to_float
from accelsim.formats.floating import FP4_E2M1, FP8_E4M3, FloatFormat
from accelsim.formats.mx import BlockFormat
from accelsim.formats.rounding import MAX_RANDOM_BITS

NVFP4_BLOCK = 16
LARGEST_ELEMENT, LARGEST_SCALE = FP4_E2M1.max_normal, FP8_E4M3.max_normal


@dataclass(frozen=True)
class Nvfp4Format(BlockFormat):
    """``tiled`` blocks are squares of 16 rows (axis 0) by 16 columns (the last axis), the same whichever is reduced.

    Emulation carries element x block scale, six significant bits, beside the tensor's scale. A tile's scale is counted
    once for each of its rows of 16, as the published kernels store it.
    """

    tiled: bool = False

    @property
    def tensor_scaled(self) -> bool:
        return True

    @property
    def axis_matters(self) -> bool:
        return not self.tiled

    @property
    def largest(self) -> float:
        """What the tensor's largest magnitude is brought to, in units of its scale."""
        return LARGEST_SCALE * LARGEST_ELEMENT

    def units(self, xp: Any, x: Any, axis: int) -> Any:
        axes = sorted({0, x.ndim - 1}) if self.tiled else [axis]
        peak = xp.abs(xp.asarray(x, dtype=xp.float64))
        for along in axes:
            peak = xp.moveaxis(split(xp, peak, along, self.block).max(axis=-1), -1, along)
        rounded = round_to_float(xp, peak / LARGEST_ELEMENT, FP8_E4M3)
        scale = xp.where(peak < float("inf"), rounded, float("nan")).astype(xp.float64)
        for along in axes:
            scale = spread(xp, scale, along, self.block, x.shape[along])
        return scale

    def quantised(
        self, xp: Any, x: Any, axis: int, rounding: str, random: Any = None, random_bits: int = MAX_RANDOM_BITS
    ) -> Any:
        if not isinstance(self.element, FloatFormat):
            raise TypeError(f"{self} holds no floats")
        x = xp.asarray(x, dtype=xp.float64)
        unit = self.units(xp, x, axis)
        known = unit > 0
        scaled = xp.where(known, x, 0.0) / xp.where(known, unit, 1.0)
        elements = round_to_float(xp, scaled, self.element, rounding, random, random_bits)
        return elements * unit.astype(xp.float32)


NVFP4 = Nvfp4Format("nvfp4", 4, FP4_E2M1, NVFP4_BLOCK)
NVFP4_2D = Nvfp4Format("nvfp4_2d", 4, FP4_E2M1, NVFP4_BLOCK, tiled=True)
NVFP4_FORMATS = (NVFP4, NVFP4_2D)
