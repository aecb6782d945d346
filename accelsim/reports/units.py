"""Figures as people read them: three significant digits and the unit that fits; no value is "–"."""

from __future__ import annotations

import math

MISSING = "–"
"""Shown where a run did not produce a figure."""

Scale = tuple[float, str]
"""A divisor and the unit that the divided value has."""

BYTES: tuple[Scale, ...] = tuple((1024.0**i, unit) for i, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB")))
ENERGY_PJ: tuple[Scale, ...] = ((1.0, "pJ"), (1e3, "nJ"), (1e6, "µJ"), (1e9, "mJ"), (1e12, "J"), (1e15, "kJ"))
SECONDS: tuple[Scale, ...] = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
RATE: tuple[Scale, ...] = ((1.0, "B/s"), (1e3, "kB/s"), (1e6, "MB/s"), (1e9, "GB/s"), (1e12, "TB/s"))
COUNT: tuple[Scale, ...] = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
AREA_UM2: tuple[Scale, ...] = ((1.0, "µm²"), (1e6, "mm²"))
_LONG_SECONDS: tuple[Scale, ...] = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def human_bytes(value: float | None) -> str:
    """Size: ``1.50 KiB``."""
    return scaled(value, BYTES)


def human_count(value: float | None) -> str:
    """Cycles, operations, elements: ``12.3 M``."""
    return scaled(value, COUNT)


def human_energy(value_pj: float | None) -> str:
    """Energy given in pJ: ``4.20 µJ``."""
    return scaled(value_pj, ENERGY_PJ)


def human_rate(value_bytes_per_s: float | None) -> str:
    """Bandwidth: ``19.2 GB/s``."""
    return scaled(value_bytes_per_s, RATE)


def human_area(value_um2: float | None) -> str:
    """Silicon area given in µm²: ``1.75 mm²``."""
    return scaled(value_um2, AREA_UM2)


def human_seconds(value_s: float | None) -> str:
    """Time: ``3.10 ms``, ``42.0 s``, ``2.50 h``."""
    if value_s is not None and math.isfinite(value_s):
        for divisor, unit in _LONG_SECONDS:
            if abs(value_s) >= 2 * divisor:
                return f"{_digits(value_s / divisor)} {unit}"
    return scaled(value_s, SECONDS)


def human_percent(value: float | None) -> str:
    """Fraction as percent: ``0.873`` is ``87.3 %``."""
    return human_points(None if value is None else value * 100)


def human_points(value_percent: float | None) -> str:
    """Percent, given as percent: ``87.3`` is ``87.3 %``."""
    if value_percent is None or math.isnan(value_percent):
        return MISSING
    return _infinite(value_percent) or f"{value_percent:.1f} %"


def human_number(value: float | None) -> str:
    """Plain number with four significant digits: ``0.3127``."""
    if value is None or math.isnan(value):
        return MISSING
    return _infinite(value) or f"{value:.4g}"


def human_ratio(value: float | None) -> str:
    """Ratio to a baseline: ``0.25x``."""
    if value is None or math.isnan(value):
        return MISSING
    if not value:
        return "0x"
    return (_infinite(value) or (_digits(value) if 0.001 <= abs(value) < 1000 else f"{value:.2e}")) + "x"


def scaled(value: float | None, scales: tuple[Scale, ...]) -> str:
    """``value`` with the largest unit of ``scales`` that leaves at least one before the point."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return f"{_infinite(value)} {scales[-1][1]}".rstrip()
    divisor, unit = scale_for(value, scales)
    shown = _digits(value / divisor)
    if divisor == 1.0 and value == int(value) and abs(value) < 1e5:
        shown = str(int(value))
    return f"{shown} {unit}".rstrip()


def scale_for(value: float, scales: tuple[Scale, ...]) -> Scale:
    """The scale in which ``value`` reads best; a whole chart takes the one of its largest value."""
    size = abs(value)
    if not size:
        return next((scale for scale in scales if scale[0] == 1.0), scales[0])
    fitting = [scale for scale in scales if float(f"{size / scale[0]:.3g}") >= 1]
    return fitting[-1] if fitting else scales[0]


def _digits(value: float) -> str:
    """Three significant digits, never in exponent form for readable sizes."""
    size = abs(float(f"{value:.3g}"))
    if size >= 1e5 or 0 < size < 0.001:
        return f"{value:.2e}"
    decimals = 2 - math.floor(math.log10(size)) if size else 0
    return f"{value:.{max(0, decimals)}f}"


def _infinite(value: float) -> str:
    return "" if math.isfinite(value) else ("∞" if value > 0 else "-∞")
