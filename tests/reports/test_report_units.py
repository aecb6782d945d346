"""Human formats: edges, prefixes and rounding across a prefix."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.reports import units
from accelsim.reports.summary_figures import SUMMARY_FIGURES

ALL = (
    units.human_bytes,
    units.human_count,
    units.human_energy,
    units.human_rate,
    units.human_area,
    units.human_seconds,
    units.human_percent,
    units.human_points,
    units.human_number,
    units.human_ratio,
    units.human_accuracy,
    units.human_accuracy_points,
    units.human_tops,
    units.human_tops_per_w,
    units.human_throughput,
    units.human_energy_delay,
)
PERCENTS = (units.human_percent, units.human_points, units.human_accuracy, units.human_accuracy_points)


POWERS = {"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15}


@pytest.mark.parametrize(
    ("scales", "unit", "given"),
    [
        (units.ENERGY_PJ, "J", -12),
        (units.SECONDS, "s", 0),
        (units.RATE, "B/s", 0),
        (units.COUNT, "", 0),
        (units.TOPS, "OPS", 12),
        (units.JOULE_SECONDS, "J s", 0),
    ],
)
def test_prefixes_are_powers_of_a_thousand(scales, unit, given):
    """``given``: the power of ten that values are given in."""
    for divisor, name in scales:
        assert divisor == pytest.approx(10.0 ** (POWERS[name.removesuffix(unit)] - given))


@pytest.mark.parametrize("human", ALL)
def test_a_missing_value_is_a_dash(human):
    assert human(None) == "–"
    assert human(math.nan) == "–"


@pytest.mark.parametrize("human", ALL)
@given(value=st.floats(allow_nan=False))
def test_any_number_reads_short(human, value):
    assert 0 < len(human(value)) <= 24 or human in PERCENTS


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (units.human_bytes(0), "0 B"),
        (units.human_bytes(1023), "1023 B"),
        (units.human_bytes(1024), "1.00 KiB"),
        (units.human_bytes(1536), "1.50 KiB"),
        (units.human_bytes(3 * 2**20), "3.00 MiB"),
        (units.human_bytes(2.0**80), "1.07e+09 PiB"),
        (units.human_count(17), "17"),
        (units.human_count(999), "999"),
        (units.human_count(999.9e3), "1.00 M"),
        (units.human_count(12_345_678), "12.3 M"),
        (units.human_count(-12_345_678), "-12.3 M"),
        (units.human_energy(0), "0 pJ"),
        (units.human_energy(0.25), "0.250 pJ"),
        (units.human_energy(4.2e6), "4.20 µJ"),
        (units.human_energy(3e12), "3.00 J"),
        (units.human_seconds(0), "0 s"),
        (units.human_seconds(2.5e-9), "2.50 ns"),
        (units.human_seconds(0.0031), "3.10 ms"),
        (units.human_seconds(42), "42 s"),
        (units.human_seconds(9000), "2.50 h"),
        (units.human_rate(1.92e10), "19.2 GB/s"),
        (units.human_area(1.75e6), "1.75 mm²"),
        (units.human_area(131_000), "0.131 mm²"),
        (units.human_area(23_270), "0.0233 mm²"),
        (units.human_area(9990), "9990 µm²"),
        (units.human_area(-1092, 131_000), "-0.00109 mm²"),
        (units.human_rate(1e16), "10.0 PB/s"),
        (units.human_percent(0), "0 %"),
        (units.human_percent(0.00004), "0.004 %"),
        (units.human_percent(0.0000999), "0.01 %"),
        (units.human_percent(0.0006), "0.1 %"),
        (units.human_percent(1.23e-9), "1.2e-07 %"),
        (units.human_percent(0.8734), "87.3 %"),
        (units.human_points(-1.25), "-1.2 %"),
        (units.human_points(-0.04), "-0.04 %"),
        (units.human_points(-0.04, 50.0), "0.0 %"),
        (units.human_points(7e-15, 50.0), "0.0 %"),
        (units.human_points(0.0, 50.0), "0 %"),
        (units.human_accuracy(0.8965), "89.65 %"),
        (units.human_accuracy(1.0), "100.00 %"),
        (units.human_bytes(512, 4096), "0.500 KiB"),
        (units.human_seconds(30, 9000), "0.00833 h"),
        (units.human_tops(0.512), "512 GOPS"),
        (units.human_tops(91.75), "91.8 TOPS"),
        (units.human_tops(5.07e-8), "50.7 kOPS"),
        (units.human_tops_per_w(0.0952), "0.0952 TOPS/W"),
        (units.human_tops_per_w(0.00377), "0.00377 TOPS/W"),
        (units.human_tops_per_w(4.39e-4), "439 MOPS/W"),
        (units.human_tops_per_w(-0.00377, 0.0176), "-0.00377 TOPS/W"),
        (units.human_throughput(12_345), "12.3 k/s"),
        (units.human_energy_delay(3.1e-6), "3.10 µJ s"),
        (units.human_energy_delay(4.32e-14), "43.2 fJ s"),
        (units.human_number(0.31271), "0.3127"),
        (units.human_ratio(0), "0x"),
        (units.human_ratio(0.25), "0.250x"),
        (units.human_ratio(28.36), "28.4x"),
        (units.human_ratio(0.00322), "0.00322x"),
        (units.human_ratio(9691), "9691x"),
        (units.human_ratio(123_456), "1.23e+05x"),
        (units.human_ratio(4e-6), "4.00e-06x"),
        (units.human_ratio(0.001), "0.00100x"),
        (units.human_ratio(-0.0009996), "-0.00100x"),
        (units.human_ratio(99_999), "1.00e+05x"),
        (units.human_count(math.inf), "∞ T"),
        (units.human_number(-math.inf), "-∞"),
    ],
)
def test_examples(shown, expected):
    assert shown == expected


@given(st.floats(min_value=1.0, max_value=1e14))
def test_a_count_keeps_three_digits_of_the_value(value):
    number, _, prefix = units.human_count(value).partition(" ")
    factor = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[prefix]
    assert float(number) * factor == pytest.approx(value, rel=0.00501)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("clock_mhz", 500.0, "500 MHz"),
        ("clock_mhz", None, "–"),
        ("train_images_per_s", 1234.0, "1.23 k images/s"),
        ("train_images_per_s", None, "–"),
        ("tokens_per_step", 1_234_567, "1 234 567"),
        ("epochs", 0.25, "0.25"),
        ("steps", None, "–"),
    ],
)
def test_figures_of_a_summary_with_units_of_their_own(key, value, shown):
    (figure,) = [figure for figure in SUMMARY_FIGURES if figure.key == key]
    assert figure.human(value) == shown
