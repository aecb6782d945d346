"""Tables of the terminal at the widths that terminals have: no word is cut or broken."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from accelsim.reports.columns import BORDERS
from accelsim.reports.step_tables import STEP_TABLES
from accelsim.reports.terminal import step_table, summary_table
from accelsim.reports.word_table import LEAST, word_table

WIDTHS = (60, 80, 100, 200)


def lines_of(table, width):
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    return console.file.getvalue().splitlines()


def words_of(lines):
    return [word for line in lines for word in line.replace("│", " ").replace("┃", " ").split()]


def assert_whole(table, grid, width):
    """All words of the columns that are there stand in the lines, none of which is too long."""
    header, rows = grid
    lines = lines_of(table, width)
    found = words_of(lines)
    shown = [column.header.plain for column in table.columns]
    for index, name in enumerate(header):
        if name in shown:
            assert set(" ".join([name, *(row[index] for row in rows)]).split()) <= set(found), name
        else:
            assert name.split()[-1].strip(".") in table.caption.plain
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(found)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shown", STEP_TABLES, ids=lambda shown: shown.title)
def test_tables_of_a_step_break_no_word(result, shown, width):
    header, rows, _ = shown.grid(result)
    table = step_table(shown, result, width)
    assert_whole(table, (header, rows), width)
    assert set(shown.yielding) <= set(header)
    if width >= 80:
        assert len(table.columns) == len(header)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_summary_breaks_no_word(result, width):
    table = summary_table(result, width)
    assert len(table.columns) == 3
    assert max(map(len, lines_of(table, width))) <= width
    assert "…" not in "".join(lines_of(table, width))


def test_columns_that_yield_go_first_and_the_caption_names_them():
    header, rows = ["one", "two", "three"], [["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"]]
    shown = word_table("t", header, rows, 27, yielding=["two"], note="Note.")
    assert [column.header.plain for column in shown.columns] == ["one", "three"]
    assert shown.caption.plain == "Note. No room here for: two."
    assert [column.header.plain for column in word_table("t", header, rows, 27).columns] == ["one", "two"]


def test_figures_stay_on_their_line_where_all_columns_have_room():
    header, rows = ["What it is", "Size"], [["words that may well fold", "2.67 MiB"]]
    for width, whole in ((24, True), (13 + 2 * BORDERS, False)):
        lines = lines_of(word_table("t", header, rows, width, numeric=[1]), width)
        assert any("2.67 MiB" in line for line in lines) == whole
        assert {"2.67", "MiB"} <= set(words_of(lines))


def test_characters_that_take_two_places_have_them():
    header, rows = ["Name", "Value"], [["卷积网络", "12.3 µs"], ["é", "1"]]
    for width in (26, 60):
        lines = lines_of(word_table("t", header, rows, width, numeric=[1]), width)
        assert {"卷积网络", "12.3"} <= set(words_of(lines))
        assert "…" not in "".join(lines)


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_name_that_no_terminal_has_room_for_loses_nothing(width):
    name = "".join(chr(ord("a") + i % 26) for i in range(70))
    lines = lines_of(word_table("t", ["Name", "Value", "Of"], [[name, "12", "x"]], width, numeric=[1]), width)
    assert max(map(len, lines)) <= width
    assert "".join(line.split("│")[1].strip() for line in lines if "│" in line) == name


words = st.lists(st.text("ab", min_size=1, max_size=9), min_size=1, max_size=4).map(" ".join)


@given(st.lists(st.tuples(words, words, words), min_size=1, max_size=4), st.integers(30, 90))
def test_any_table_keeps_its_words(rows, width):
    table = word_table("t", ["x", "y", "z"], rows, width, numeric=[2])
    assert len(table.columns) >= LEAST
    assert_whole(table, (["x", "y", "z"], rows), width)
