"""Floating-point rounding, encoding and decoding on arrays: values stay float32 and exactly on the format's grid.

Formats of up to 32 bits. The scaling by powers of two is exact: a value is scaled up while it is below the format's
hidden bit, and down only above it, so no float64 here becomes subnormal or loses a bit.
"""

from __future__ import annotations

from typing import Any

from accelsim.formats.doubles import floor_log2, power_of_two
from accelsim.formats.floating import FloatFormat
from accelsim.formats.rounding import MAX_RANDOM_BITS, RoundingMode, round_real


def round_to_float(
    xp: Any,
    x: Any,
    format_: FloatFormat,
    rounding: str = RoundingMode.NEAREST_EVEN,
    random: Any = None,
    random_bits: int = MAX_RANDOM_BITS,
    *,
    saturate: bool = True,
) -> Any:
    """Round float32 or float64 values once onto the grid of ``format_``; the result is float32 and exact.

    Magnitudes are rounded, so ``truncate`` is toward zero and ``stochastic`` adds ``random`` (codes of ``random_bits``
    bits, one an element) to the magnitude just below the last kept bit. Overflow, and infinity as input, gives the
    largest number; without ``saturate`` infinity where the format has it, else NaN where it has that (``truncate``
    stops finite values at the largest number, as IEEE 754 says). NaN stays NaN in every format: where there is no
    code for it, ``encode_float`` refuses it. The sign of zero is kept.

    Raises:
        ValueError: the format is wider than 32 bits, or as for ``rounding.round_real``.
    """
    _check_width(format_)
    x = xp.asarray(x, dtype=xp.float64)
    # All that is too large overflows alike, so infinity is clamped before it can meet itself in a difference.
    magnitude = xp.minimum(xp.abs(x), 2.0 ** (format_.emax + 1))
    unit = xp.clip(floor_log2(xp, magnitude), format_.emin, format_.emax + 1) - format_.mantissa_bits
    steps = round_real(xp, magnitude * power_of_two(xp, -unit), rounding, random, random_bits)
    rounded = steps * power_of_two(xp, unit)
    limited = xp.minimum(rounded, format_.max_normal)
    if format_.has_nan and not saturate:
        truncates = RoundingMode(rounding) is RoundingMode.TRUNCATE
        beyond = xp.isinf(x) if truncates else rounded > format_.max_normal
        limited = xp.where(beyond, float("inf") if format_.has_inf else float("nan"), limited)
    return xp.copysign(limited, x).astype(xp.float32)


def encode_float(xp: Any, values: Any, format_: FloatFormat) -> Any:
    """Codes of values on the grid, sign bit on top, as ``format_.code_storage``; NaN becomes ``nan_code``.

    Raises:
        ValueError: a value is not on the grid; round it first.
    """
    _check_width(format_)
    x, mantissa_bits = xp.asarray(values, dtype=xp.float64), format_.mantissa_bits
    magnitude = xp.abs(x)
    known = magnitude <= format_.max_normal
    kept = xp.where(known, magnitude, 0.0)
    exponent = xp.maximum(floor_log2(xp, kept), format_.emin)
    steps = kept * power_of_two(xp, mantissa_bits - exponent)
    known = known & (steps == xp.floor(steps))
    # The hidden bit adds one to the exponent field, which a subnormal's field of zero lacks.
    code = ((exponent - format_.emin) << mantissa_bits) + steps.astype(xp.int64)
    if format_.has_inf:
        code, known = xp.where(xp.isinf(x), format_.infinity_code, code), known | xp.isinf(x)
    if format_.has_nan:
        code, known = xp.where(xp.isnan(x), format_.nan_code, code), known | xp.isnan(x)
    if not bool(known.all()):
        raise ValueError(f"{int((~known).sum())} of {x.size} values are not {format_} numbers; round them first")
    return (code | (xp.signbit(x).astype(xp.int64) << (format_.bits - 1))).astype(format_.code_storage)


def decode_float(xp: Any, codes: Any, format_: FloatFormat) -> Any:
    """Values of codes as float32, exact."""
    _check_width(format_)
    codes, mantissa_bits = xp.asarray(codes).astype(xp.int64), format_.mantissa_bits
    body = codes & ((1 << (format_.bits - 1)) - 1)
    field, fraction = body >> mantissa_bits, body & ((1 << mantissa_bits) - 1)
    steps = fraction + ((field > 0).astype(xp.int64) << mantissa_bits)
    value = steps.astype(xp.float64) * power_of_two(xp, xp.maximum(field, 1) - (format_.bias + mantissa_bits))
    if format_.has_inf:
        value = xp.where(body == format_.infinity_code, float("inf"), value)
        value = xp.where(body > format_.infinity_code, float("nan"), value)
    elif format_.has_nan:
        value = xp.where(body == format_.nan_code, float("nan"), value)
    return xp.where(((codes >> (format_.bits - 1)) & 1) == 1, -value, value).astype(xp.float32)


def _check_width(format_: FloatFormat) -> None:
    if format_.bits > 32:
        raise ValueError(f"formats of up to 32 bits are carried as float32; {format_} has {format_.bits}")
