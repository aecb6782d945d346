"""The terminal's table of number formats: no word is broken at any width that takes them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from accelsim.errors import UserError
from accelsim.reports.columns import BORDERS, fitting
from accelsim.reports.dtype_table import dtype_table

SCALE = "own largest magnitude this step / largest code, per tensor"


def text_of(source, layer=None, width=140):
    console = Console(width=width, file=io.StringIO())
    console.print(dtype_table(source, layer, width))
    return console.file.getvalue()


def test_one_layer_has_no_prefix(result):
    shown = text_of(result, "conv2d1")
    assert "weight_codes" in shown
    assert "conv2d2" not in shown
    assert "│ input" in text_of(result, "conv2d2")


@pytest.mark.parametrize("width", [70, 80, 100, 120, 160])
def test_words_stay_whole_and_lines_few(result, width):
    frame = result.dtypes.assign(scale=SCALE, rounding="nearest even, after every operation", lives_in="on_chip")
    frame = frame.assign(tensor="batch_norm12.gradient_weight_path", role="layer_gradient_weight_path")
    shown = text_of(frame, width=width)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= width
    assert sum("│" in line for line in lines) <= 4 * len(frame) + 1
    for word in ("batch_norm12.", "gradient_weight_path", "gradient", "even", "max", "nearest"):
        assert word in shown.replace("│", " ").split()
    assert ("dtypes.csv" in shown) == (width <= 120)


def test_short_names_are_explained(result):
    assert "max: largest magnitude" in text_of(result.dtypes.assign(scale=SCALE))
    assert "max: largest magnitude" not in text_of(result.dtypes.assign(scale="none (index)"))


def test_unknown_layer_names_the_nearest(result):
    with pytest.raises(UserError, match=r"no layer 'conv2d9' \(did you mean 'conv2d\d'\?\); layers: conv2d1, conv2d2"):
        dtype_table(result, "conv2d9")


words = st.lists(st.text("ab", min_size=1, max_size=9), min_size=1, max_size=4).map(" ".join)
tables = st.integers(1, 3).flatmap(
    lambda rows: st.dictionaries(st.sampled_from("pqrst"), st.lists(words, min_size=rows, max_size=rows), min_size=1)
)


@given(tables, st.integers(1, 120) | st.integers(400, 500))
def test_widths_fit_and_take_the_longest_word(columns, console_width):
    widths = fitting(columns, console_width)
    least = {name: max(len(word) for cell in cells for word in cell.split()) for name, cells in columns.items()}
    first = next(iter(columns))
    assert list(widths) == [name for name in columns if name in widths]
    assert all(least[name] <= width <= max(map(len, columns[name])) for name, width in widths.items())
    assert 1 + sum(width + BORDERS for width in widths.values()) <= max(console_width, 1 + least[first] + BORDERS)
    if set(widths) == set(columns) and console_width >= 400:
        assert all(width == max(map(len, columns[name])) for name, width in widths.items())
