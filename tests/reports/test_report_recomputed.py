"""Figures that count recomputed products say so."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from accelsim.reports.compare import compare_page, comparison_table
from accelsim.reports.recomputed import COUNTED, recompute_notes
from accelsim.reports.summary_figures import SUMMARY_FIGURES, shown_figures


@pytest.fixture
def again(result):
    """The run with one operation of its forward pass done again."""
    layers = result.layers.copy()
    layers.loc[layers.index[-1], "phase"] = "recompute"
    return dataclasses.replace(result, layers=layers)


def test_definitions_say_what_counts(result, again):
    titles = {figure.title: figure.key for figure in SUMMARY_FIGURES}
    plain, said = ({figure.title: figure.meaning for figure in shown_figures(run)} for run in (result, again))
    behind = {titles[title] for title in said if said[title] == f"{plain[title]}; MACs of recomputation count, too"}
    assert behind == COUNTED & {titles[title] for title in said}
    assert "mac_utilisation" in behind
    assert all(said[title] == plain[title] for title in said if titles[title] not in behind)


def test_comparisons_say_it_once(result, again):
    assert not recompute_notes([result, result])
    (note,) = recompute_notes([result, again])
    assert note in compare_page([result, again])
    assert note not in compare_page([result, result])
    console = Console(width=300, file=io.StringIO())
    console.print(comparison_table([result, again], console.width))
    assert note in console.file.getvalue()
