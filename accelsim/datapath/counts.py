"""What a quantiser made of a tensor: the range it had, what it lost, and how much of the format it used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.datapath.arrays import on_device
from accelsim.formats import FloatFormat, Format, IntegerFormat
from accelsim.formats.blocks import Along
from accelsim.formats.flexpoint import FlexpointFormat
from accelsim.formats.mx import BlockFormat
from accelsim.machine import Tensor
from accelsim.program import LAST_AXIS

HALF_WORD = 0xFFFF


@dataclass(frozen=True)
class QuantiserStatistics:
    """Of one tensor in one step: range, elements clipped, codes that are zero, values that became it, and noise.

    ``scale_factor`` is what codes are multiplied by, the largest one where channels have their own;
    ``largest_magnitude`` is that of the values. ``sqnr_db`` is the ratio of the signal's power to the quantisation
    error's, in decibels (infinite without error); ``cosine`` that of the angle between the values and what the codes
    stand for (None where either is all zeros); ``effective_bits`` the entropy of the codes, in blocks of
    the elements without their block's scale.
    """

    elements: int
    scale_factor: float
    largest_magnitude: float
    saturated: int
    underflowed: int
    zeros: int
    sqnr_db: float
    cosine: float | None
    effective_bits: float


def statistics_of(
    xp: Any,
    x: Tensor,
    codes: Any,
    scale: Any,
    format_: Format,
    zero_point: Any = None,
    along: Along = LAST_AXIS,
) -> QuantiserStatistics:
    """Compare ``codes`` with the values of ``x`` that they stand for; nothing is changed.

    Clipped is the largest code, or number, that stands for something more than half a unit in its last place beyond,
    and an infinite one that stands for something finite.
    ``scale`` and ``zero_point`` broadcast against ``codes``; blocks lie ``along``.
    """
    codes, largest_scale = xp.asarray(codes), float(scale.max()) if hasattr(scale, "max") else float(scale)
    scale, zero_point = on_device(xp, scale), on_device(xp, zero_point)
    values, held = xp.asarray(x.data).astype("float64"), codes.astype("float64")
    values *= on_device(xp, x.scale)
    if zero_point is not None:
        held -= zero_point
    zero = held == 0
    held *= scale
    infinite = int((~xp.isfinite(held) & xp.isfinite(values)).sum())
    unit = _block_units(xp, values, scale, format_, along) if isinstance(format_, BlockFormat) else 1.0
    if zero_point is None:
        saturated = _clipped(xp, codes, values, held, scale, format_, unit)
    else:
        saturated = int(_beyond(codes, values - held, scale, format_).sum())
    power, kept, both = _product(xp, values, values), _product(xp, held, held), _product(xp, values, held)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        held -= values
    error = _product(xp, held, held)
    return QuantiserStatistics(
        elements=int(codes.size),
        scale_factor=largest_scale,
        largest_magnitude=max(float(values.max()), -float(values.min())),
        saturated=saturated + infinite,
        underflowed=int((zero & (values != 0)).sum()),
        zeros=int(zero.sum()),
        sqnr_db=_decibels(power, error),
        cosine=both / math.sqrt(power * kept) if 0 < power * kept < math.inf else None,
        effective_bits=_entropy_bits(xp, _elements(xp, codes, unit) if isinstance(format_, BlockFormat) else codes),
    )


def _decibels(power: float, error: float) -> float:
    """Of ``power`` over ``error``; infinite without error, and NaN where what was quantised isn't finite."""
    if not math.isfinite(power):
        return math.nan
    if not math.isfinite(error):
        return -math.inf
    return 10 * math.log10(power / error) if error > 0 and power > 0 else math.inf


def _product(xp: Any, a: Any, b: Any) -> float:
    """Sum of the products of two arrays, without one more array; no library's threads decide its order."""
    return float(xp.einsum("i,i->", a.reshape(-1), b.reshape(-1)))


def _block_units(xp: Any, values: Any, scale: Any, format_: BlockFormat, along: Along) -> Any:
    """What 1 of an element stands for in its block, beside any scale of the tensor; of the shape of ``values``."""
    values = values / scale if format_.tensor_scaled else values
    shape, axis = along.viewed(values.shape)
    return format_.units(xp, values.reshape(shape), axis).reshape(values.shape)


def _elements(xp: Any, codes: Any, unit: Any) -> Any:
    """What a block format stores beside its scales: exact, as elements of up to 24 bits are in float32."""
    return (codes.astype("float64") / xp.where(unit == 0, 1.0, unit)).astype("float32")


def _entropy_bits(xp: Any, codes: Any) -> float:
    """Bits that an ideal code takes for an element: 0 where all are alike."""
    share = _occurrences(xp, codes) / codes.size
    return abs(float((share * xp.log2(share)).sum()))


def _occurrences(xp: Any, codes: Any) -> Any:
    """How often each code is there. Where there can be few, they are counted; sorting takes several times as long."""
    counted = codes
    if codes.dtype == "float32":
        counted = (codes + 0.0).reshape(-1).view("uint32")  # one zero
        # Up to 8 significant bits, as most narrow formats have, stand in the upper half of the word.
        counted = codes if (counted & HALF_WORD).any() else counted >> 16
    if counted.dtype.kind == "f" or (counted.dtype.itemsize > 2 and counted is codes):
        return xp.unique(codes, return_counts=True)[1]
    whole = counted.reshape(-1).astype("int64")
    whole -= whole.min()
    found = xp.bincount(whole)
    return found[found > 0]


def _clipped(xp: Any, codes: Any, values: Any, held: Any, scale: Any, format_: Format, unit: Any) -> int:
    """Those of the largest code whose value lies beyond it."""
    largest, half = (edge * unit for edge in _edge(format_))
    if isinstance(format_, IntegerFormat | FlexpointFormat):  # the lowest code has no magnitude in its own type
        at_edge = (codes >= format_.max_code) | (codes <= -format_.max_code)
    else:
        at_edge = xp.abs(codes) >= largest
    at_edge &= xp.isfinite(held)
    limit = half * scale
    if getattr(limit, "ndim", 0):
        limit = xp.broadcast_to(limit, codes.shape)[at_edge]
    return int((xp.abs(values[at_edge]) - xp.abs(held[at_edge]) > limit).sum())


def _beyond(codes: Any, error: Any, scale: Any, format_: Format) -> Any:
    if not isinstance(format_, IntegerFormat):
        raise TypeError(f"{format_} has no zero point")
    above = (codes == format_.max_code) & (error > 0.5 * scale)
    return above | ((codes == format_.min_code) & (error < -0.5 * scale))


def _edge(format_: Format) -> tuple[float, float]:
    """Largest code or number, and half a unit in its last place, of a block's elements; infinite for signs, which span
    no range."""
    if isinstance(format_, BlockFormat):
        return _edge(format_.element)
    if isinstance(format_, IntegerFormat | FlexpointFormat):
        return float(format_.max_code), 0.5
    if isinstance(format_, FloatFormat):
        return format_.max_normal, 2.0 ** (format_.emax - format_.mantissa_bits - 1)
    return float("inf"), 0.0
