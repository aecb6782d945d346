"""Figures as people read them: three significant digits and the unit that fits; no value is "–"."""

from __future__ import annotations

import math
from typing import Protocol

MISSING = "–"
"""Shown where a run did not produce a figure."""

Scale = tuple[float, str]
"""A divisor and the unit that the divided value has. Where a value may have several, they go from small to large."""

BYTES: tuple[Scale, ...] = tuple((1024.0**i, unit) for i, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB")))
ENERGY_PJ: tuple[Scale, ...] = ((1.0, "pJ"), (1e3, "nJ"), (1e6, "µJ"), (1e9, "mJ"), (1e12, "J"), (1e15, "kJ"))
SECONDS: tuple[Scale, ...] = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
RATE: tuple[Scale, ...] = (
    (1.0, "B/s"),
    (1e3, "kB/s"),
    (1e6, "MB/s"),
    (1e9, "GB/s"),
    (1e12, "TB/s"),
    (1e15, "PB/s"),
)
COUNT: tuple[Scale, ...] = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
AREA_UM2: tuple[Scale, ...] = ((1.0, "µm²"), (1e6, "mm²"))
TOPS: tuple[Scale, ...] = (
    (1e-12, "OPS"),
    (1e-9, "kOPS"),
    (1e-6, "MOPS"),
    (1e-3, "GOPS"),
    (1.0, "TOPS"),
    (1e3, "POPS"),
)
JOULE_SECONDS: tuple[Scale, ...] = (
    (1e-15, "fJ s"),
    (1e-12, "pJ s"),
    (1e-9, "nJ s"),
    (1e-6, "µJ s"),
    (1e-3, "mJ s"),
    (1.0, "J s"),
)
_MOST_OF_A_UNIT = 1e4
"""Numbers from here on read better in the next unit, if only a hundredth of it: mm² follows on µm²."""
_LEAST_WRITTEN_OUT = 1e-4
"""Percents below it have an exponent."""
_LONG_SECONDS: tuple[Scale, ...] = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


class Human(Protocol):
    """A value as text, in the unit that suits ``like`` where that is given, as differences need it."""

    def __call__(self, value: float | None, like: float | None = None, /) -> str: ...


def human_bytes(value: float | None, like: float | None = None) -> str:
    """Size: ``1.50 KiB``."""
    return scaled(value, BYTES, like)


def human_count(value: float | None, like: float | None = None) -> str:
    """Cycles, operations, elements: ``12.3 M``."""
    return scaled(value, COUNT, like)


def human_energy(value_pj: float | None, like: float | None = None) -> str:
    """Energy given in pJ: ``4.20 µJ``."""
    return scaled(value_pj, ENERGY_PJ, like)


def human_rate(value_bytes_per_s: float | None, like: float | None = None) -> str:
    """Bandwidth: ``19.2 GB/s``."""
    return scaled(value_bytes_per_s, RATE, like)


def human_area(value_um2: float | None, like: float | None = None) -> str:
    """Silicon area given in µm²: ``1.75 mm²``, ``0.131 mm²``, ``797 µm²``."""
    return scaled(value_um2, AREA_UM2, like)


def human_tops(value_tops: float | None, like: float | None = None) -> str:
    """Speed of arithmetic given in 10^12 operations per second: ``512 GOPS``."""
    return scaled(value_tops, TOPS, like)


def human_energy_delay(value_j_s: float | None, like: float | None = None) -> str:
    """Energy times time, given in J s: ``3.10 µJ s``."""
    return scaled(value_j_s, JOULE_SECONDS, like)


def human_tops_per_w(value: float | None, like: float | None = None) -> str:
    """Operations per energy: ``1.31 TOPS/W``, ``0.0883 TOPS/W``, ``439 MOPS/W``."""
    size = abs((value if like is None else like) or 0)
    return scaled(value, ((1e-6, "MOPS/W") if 0 < size < 0.001 else (1.0, "TOPS/W"),))


def human_throughput(value_per_s: float | None, like: float | None = None) -> str:
    """Samples or tokens a second: ``12.3 k/s``."""
    shown = scaled(value_per_s, COUNT, like)
    return shown if shown == MISSING else f"{shown}/s"


def human_seconds(value_s: float | None, like: float | None = None) -> str:
    """Time: ``3.10 ms``, ``42.0 s``, ``2.50 h``."""
    size = value_s if like is None else like
    if value_s is not None and size is not None and math.isfinite(value_s) and math.isfinite(size):
        for divisor, unit in _LONG_SECONDS:
            if abs(size) >= 2 * divisor:
                return f"{_digits(value_s / divisor)} {unit}"
    return scaled(value_s, SECONDS, like)


def human_percent(value: float | None) -> str:
    """Fraction as percent: ``0.873`` is ``87.3 %``."""
    return human_points(None if value is None else value * 100)


def human_accuracy(value: float | None) -> str:
    """Fraction of correct answers as percent: ``0.8965`` is ``89.65 %``."""
    return human_accuracy_points(None if value is None else value * 100)


def human_points(value_percent: float | None, like: float | None = None) -> str:
    """Percent, given as percent: ``87.3`` is ``87.3 %``, ``0.004`` is ``0.004 %``."""
    return _points(value_percent, 1, like)


def human_accuracy_points(value_percent: float | None, like: float | None = None) -> str:
    """Percent of correct answers, given as percent: ``89.65`` is ``89.65 %``; one answer of 10 000 shows."""
    return _points(value_percent, 2, like)


def human_number(value: float | None, _like: float | None = None) -> str:
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
    return (_infinite(value) or _digits(value)) + "x"


def scaled(value: float | None, scales: tuple[Scale, ...], like: float | None = None) -> str:
    """``value`` in the unit of ``scales`` in which it, or ``like``, reads best."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return f"{_infinite(value)} {scales[-1][1]}".rstrip()
    divisor, unit = scale_for(value if like is None else like, scales)
    shown = _digits(value / divisor)
    if divisor == 1.0 and value == int(value) and abs(value) < 1e5:
        shown = str(int(value))
    return f"{shown} {unit}".rstrip()


def scale_for(value: float, scales: tuple[Scale, ...]) -> Scale:
    """The scale in which ``value`` reads best: the largest with one or more of it before the point, or the next one
    where that is a long number; a whole chart takes the one of its largest value."""
    size = abs(value)
    if not size:
        return next((scale for scale in scales if scale[0] == 1.0), scales[0])
    found = max((index for index, (divisor, _) in enumerate(scales) if _reaches(size, divisor)), default=0)
    return scales[min(found + (_digits_of(size, scales[found][0]) >= _MOST_OF_A_UNIT), len(scales) - 1)]


def _reaches(size: float, divisor: float) -> bool:
    """Whether at least one of the unit is shown; what is just below one rounds up to it."""
    return size >= divisor or (size > 0.99 * divisor and _digits_of(size, divisor) >= 1)


def _digits_of(size: float, divisor: float) -> float:
    """What three digits of it show."""
    return float(f"{size / divisor:.3g}")


def _digits(value: float) -> str:
    """Three significant digits, never in exponent form for readable sizes."""
    size = abs(float(f"{value:.3g}"))
    if size >= 1e5 or 0 < size < 0.001:
        return f"{value:.2e}"
    decimals = 2 - math.floor(math.log10(size)) if size else 0
    return f"{value:.{max(0, decimals)}f}"


def _points(value_percent: float | None, decimals: int, like: float | None) -> str:
    """``decimals`` of them; two digits of what would round to zero, but of a difference of two that wouldn't."""
    if value_percent is None or math.isnan(value_percent):
        return MISSING
    if not value_percent:
        return "0 %"
    if not math.isfinite(value_percent):
        return _infinite(value_percent)
    if round(value_percent if like is None else like, decimals):
        # Adding 0 takes the sign off what rounds to zero.
        return f"{round(value_percent, decimals) + 0.0:.{decimals}f} %"
    return f"{_short(value_percent)} %"


def _short(value: float) -> str:
    """Two significant digits at most: ``0.004``, ``-0.032``, ``1.2e-07``."""
    if abs(value) < _LEAST_WRITTEN_OUT:
        return f"{value:.2g}"
    return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}".rstrip("0")


def _infinite(value: float) -> str:
    return "" if math.isfinite(value) else ("∞" if value > 0 else "-∞")
