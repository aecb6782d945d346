"""What figures change on a narrow screen, and the ticks of their logarithmic axes."""

import itertools
import math

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.subplots import make_subplots

from accelsim.reports.compare.figures import draw_comparison
from accelsim.reports.figures import draw_all
from accelsim.reports.figures.narrow import names_above, on_narrow, stacked
from accelsim.reports.figures.style import MOST_LEVEL_LABELS
from accelsim.reports.figures.ticks import log_axis, tick_text
from accelsim.reports.web.script import SCRIPT


def narrow(figure):
    return figure.layout.meta["narrow"]


def test_the_page_applies_what_figures_ask_for_where_it_is_narrow():
    figure = go.Figure()
    on_narrow(figure, height=500)
    on_narrow(figure, xaxis__tickangle=-90)
    assert narrow(figure) == {"height": 500, "xaxis.tickangle": -90}
    assert figure.to_plotly_json()["layout"]["meta"] == {"narrow": narrow(figure)}
    assert "meta?.narrow" in SCRIPT


def test_names_stand_over_their_rows():
    figure = go.Figure()
    names_above(figure, ["a", "b"], row_px=40)
    assert [title["y"] for title in narrow(figure)["annotations"]] == ["a", "b"]
    assert all(0 < title["yshift"] < 20 for title in narrow(figure)["annotations"])
    assert narrow(figure)["yaxis.showticklabels"] is False


@pytest.mark.parametrize("count", [1, 2, 4])
def test_stacked_panels_keep_their_height_and_do_not_overlap(count):
    figure = make_subplots(rows=1, cols=count, subplot_titles=[f"panel {i}" for i in range(count)])
    stacked(figure, panel_px=100, gap_px=50)
    changes = narrow(figure)
    domains = [changes[f"yaxis{i + 1 if i else ''}.domain"] for i in range(count)]
    total_px = 150 * count - 50
    assert domains[0][1] == 1
    assert domains[-1][0] == pytest.approx(0)
    assert all(top - bottom == pytest.approx(100 / total_px) for bottom, top in domains)
    assert all(lower[1] < upper[0] for upper, lower in itertools.pairwise(domains))
    assert [title["y"] for title in changes["annotations"]] == [top for _, top in domains]
    assert changes["height"] > total_px


def test_metric_names_of_a_comparison_leave_its_bars_the_width(make_result):
    ratios = {spec.name: figure for spec, figure in draw_comparison([make_result("a"), make_result("b")])}["ratios"]
    names = [title["text"] for title in narrow(ratios)["annotations"]]
    assert names == list(ratios.layout.yaxis.categoryarray)
    assert narrow(ratios)["height"] > ratios.layout.height


@pytest.mark.parametrize("layers", [2, MOST_LEVEL_LABELS + 1])
def test_layer_names_are_turned_rather_than_overprinted(make_result, layers):
    drawn = {spec.name: figure for spec, figure in draw_all(make_result(layers=layers))}
    for name in ("cycles", "energy_layers", "traffic"):
        axis = drawn[name].layout.xaxis
        assert axis.tickangle == -90 or axis.autotickangles == (0, -90)


@given(st.lists(st.floats(1e-9, 1e12), min_size=1, max_size=5))
def test_log_ticks_surround_the_values_and_say_what_they_mean(values):
    axis = log_axis([*values, 0.0, math.inf])
    assert axis["tickvals"] == sorted(axis["tickvals"])
    assert axis["tickvals"][0] <= min(values) <= max(values) <= axis["tickvals"][-1]
    suffixes = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    for tick, shown in zip(axis["tickvals"], axis["ticktext"], strict=True):
        number, _, unit = shown.partition(" ")
        assert float(number) * suffixes[unit] == pytest.approx(tick)


def test_short_spans_have_ticks_between_the_powers_of_ten():
    assert {"0.2", "0.3", "0.5"} <= set(log_axis([0.15, 0.9])["ticktext"])
    assert {"0.2", "0.5", "2"} <= set(log_axis([0.15, 9.0])["ticktext"])
    assert set(log_axis([1e-4, 1e4])["ticktext"]) >= {"0.0001", "1", "10 k"}
    assert log_axis([])["ticktext"][0] == "0.1"
    assert tick_text(2e6) == "2 M"
