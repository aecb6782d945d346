"""Frontier, means over seeds, tables and page of a sweep, from its table alone."""

from __future__ import annotations

import json
import math
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from accelsim.errors import UserError
from accelsim.reports.sweep import (
    SweepData,
    alike_line,
    best_table,
    failed_lines,
    frontier,
    frontier_table,
    metric_of,
    recompute_line,
    runs_as_line,
    sweep_page,
    warned_lines,
)
from accelsim.reports.sweep.data import value_text
from accelsim.reports.sweep.metrics import SWEEP_METRICS, varying
from accelsim.reports.web.parts import breakable

METRICS = {metric.key: metric for metric in SWEEP_METRICS}
TIME = METRICS["time_per_step_s"]


def data(seeds=1, axes=None):
    """Two sizes of an array on three DRAMs; of each seed another accuracy; one point refused."""
    rows = []
    for number, (size, dram) in enumerate([(s, d) for s in (16, 32) for d in ("DDR", "HBM", "<b>")], start=1):
        for seed in range(seeds):
            refused = number == 6
            figures = {
                "time_per_step_s": 1e-3 / size / (2 if dram == "HBM" else 1),
                "energy_per_step_pj": 1e9 * size,
                "total_cycles": 500_000 // size // (2 if dram == "HBM" else 1),
                "test_accuracy": 0.95 - 0.001 * number + 0.01 * seed,
            }
            rows.append(
                {
                    "point": number,
                    "mac_array.rows+mac_array.columns": size,
                    "dram.standard": dram,
                    "hwconfig": "machine",
                    "workload": "net",
                    **({} if refused else figures),
                    "seed": seed,
                    "runs_as": "",
                    "failed": "does not fit\nsecond line" if refused else "",
                    "command": f"accelsim simulate {number}",
                }
            )
    return SweepData(
        pd.DataFrame(rows), ("mac_array.rows+mac_array.columns", "dram.standard"), ["It assumes."], asked_axes=axes
    )


VALUES = st.lists(st.tuples(st.integers(0, 6), st.one_of(st.integers(0, 6), st.just(math.nan))), max_size=12)


@given(VALUES, st.sampled_from(["time_per_step_s", "test_accuracy"]), st.sampled_from(["total_cycles", "tops_per_w"]))
def test_the_frontier_is_what_no_other_beats(values, x, y):
    points = pd.DataFrame(values, columns=[x, y], dtype=float)
    known = [row for row in range(len(points)) if not math.isnan(points[y][row])]

    def merit(row):
        return [points[key][row] * (1 if METRICS[key].higher_is_better else -1) for key in (x, y)]

    def beats(a, b):
        return merit(a) != merit(b) and all(mine >= other for mine, other in zip(merit(a), merit(b), strict=True))

    expected = {row for row in known if not any(beats(other, row) for other in known)}
    found = frontier(points, METRICS[x], METRICS[y])
    assert set(found.index) == expected
    assert found[x].is_monotonic_increasing


def test_means_and_spread_over_seeds():
    points = data(seeds=3).points
    assert points["point"].tolist() == [1, 2, 3, 4, 5]
    assert points["test_accuracy"].tolist() == pytest.approx([0.959, 0.958, 0.957, 0.956, 0.955])
    assert points["test_accuracy_spread"].tolist() == pytest.approx([0.01] * 5)  # of -0.01, 0 and 0.01
    assert points["seeds"].tolist() == [3] * 5


def test_metrics_that_rank_points_alike_are_offered_once():
    """Cycles follow time at one clock."""
    assert [metric.key for metric in varying(data().points)] == [
        "time_per_step_s",
        "energy_per_step_pj",
        "test_accuracy",
    ]


def test_points_that_trained_are_shown_by_accuracy():
    assert data().axes == ("time_per_step_s", "test_accuracy")
    timed = data()
    assert SweepData(timed.frame.drop(columns="test_accuracy"), timed.fields).axes[1] == "energy_per_step_pj"


def test_chart_table_and_terminal_show_one_frontier():
    """Of columns that no comparison knows, too, and of one in which points don't differ."""
    swept = data(axes=("energy_per_step_pj", "point"))
    page = sweep_page(swept)
    on = set(frontier(swept.points, *swept.pair)["point"])
    drawn = figures(page)["frontier"]
    assert [drawn["layout"][axis]["title"]["text"] for axis in ("xaxis", "yaxis")] == ["Energy per step (mJ)", "point"]
    assert len(drawn["data"][0]["x"]) == len(on)
    assert page.count('data-key="0.0">on it') == len(on)
    assert ">Energy per step</th>" in page
    assert f"{len(on)} of 5 points" in frontier_table(swept, 100).title.plain


def test_what_ranks_as_another_metric_is_named():
    assert alike_line(data()) == "Ranked as time per step: cycles per step"
    assert alike_line(SweepData(data().frame[:1], data().fields)) == ""


def test_points_that_are_as_good_as_the_best_are_counted():
    """Points 1 to 3 have the array that takes the least energy; the fastest point is the only one."""
    swept = data()
    page = sweep_page(swept)
    assert "=DDR; tied with 2 others: 2, 3" in page
    assert page.count("tied with") == 1
    assert best_row(swept, "Tied with", "Energy per step") == "2 others: 2, 3"
    assert best_row(swept, "Tied with", "Time per step") == ""
    alone = SweepData(swept.frame[swept.frame["point"].isin([1, 5])], swept.fields)
    assert "Tied with" not in [column.header.plain for column in best_table(alone, 100).columns]


def best_row(swept, column, title):
    """The cell of ``column`` in the row of the metric ``title``."""
    columns = {found.header.plain: [cell.plain for cell in found.cells] for found in best_table(swept, 200).columns}
    return columns[column][columns["Best by"].index(title)]


def test_points_that_run_as_others_are_counted():
    assert runs_as_line(data()) == ""
    frame = data().frame
    frame.loc[1, "runs_as"] = "point 1: x=1"
    assert runs_as_line(SweepData(frame, data().fields)).startswith("1 point runs as")


def test_what_is_recomputed_counts_among_products():
    assert recompute_line(data()) == ""
    name = "network.recompute"
    varied = SweepData(data().frame.rename(columns={"dram.standard": name}), (name,))
    assert "count the products done again, too" in recompute_line(varied)
    assert recompute_line(varied) in sweep_page(varied)
    assert "done again" not in sweep_page(data())


def test_short_names():
    frame = data().frame.rename(columns={"dram.standard": "buffers.a.capacity_bytes+buffers.b.capacity_bytes"})
    short = SweepData(frame, tuple(frame.columns[1:3])).short
    assert list(short.values()) == ["mac_array.rows+columns", "a+b.capacity_bytes"]
    frame = data().frame.rename(columns={"dram.standard": "buffers.levels.0.banks+buffers.levels.1.banks"})
    assert SweepData(frame, (frame.columns[2],)).short == {frame.columns[2]: "levels.0+levels.1.banks"}


def test_terminal_tables_fit_the_width():
    for width in (60, 140):
        console = Console(width=width, record=True, file=None, quiet=False, force_terminal=False)
        with console.capture() as shown:
            console.print(frontier_table(data(3), width))
            console.print(best_table(data(3), width))
        text = shown.get()
        assert max(map(len, text.splitlines())) <= width
        assert "3 of 5 points" in text
        assert "15.6 µs" in text
        assert "± 1.00 pp" in text


def test_a_refused_point_is_one_line():
    assert failed_lines(data()) == ["mac_array.rows+mac_array.columns=32, dram.standard=<b>: does not fit"]


def test_a_column_that_is_no_figure_is_refused():
    with pytest.raises(UserError, match=r"no figure 'total_cycle' \(did you mean 'total_cycles'\?\)"):
        metric_of("total_cycle", data().points)
    with pytest.raises(UserError, match=r"no figure 'dram\.standard'"):
        metric_of("dram.standard", data().points)


@pytest.fixture(scope="module")
def page():
    return sweep_page(data(seeds=2))


def figures(page):
    return json.loads(re.search(r'id="figure-data">(.*?)</script>', page)[1])


def test_the_page_shows_every_point_and_escapes_its_texts(page):
    assert "Sweep of machine on net" in page
    body = page.split('<script type="application/json"')[0]
    assert body.count('data-key="0.0">on it') == len(frontier(data(2).points, TIME, METRICS["test_accuracy"]))
    assert "&lt;b&gt;" in body
    assert "<b>" not in body
    assert "does not fit" in body
    assert "±: sample standard deviation over seeds" in body
    assert "It assumes." in body


def test_long_names_of_fields_may_go_over_lines_and_numbers_may_not(page):
    assert "dram.standard" in page
    assert "dram.<wbr>standard" not in page
    assert "mac_<wbr>array.<wbr>rows+<wbr>columns" in page
    assert breakable("0.5 of DDR4-2400. <b>") == "0.5 of DDR4-2400. &lt;b&gt;"


def test_every_pair_of_axes_has_its_frontier(page):
    axes = figures(page)["frontier"]["layout"]["meta"]["axes"]
    points, metrics = data(2).points, data(2).metrics
    assert [metric.key for metric in metrics] == ["time_per_step_s", "test_accuracy", "energy_per_step_pj"]
    assert [column["name"] for column in axes["columns"]] == [metric.title for metric in metrics]
    for x, first in enumerate(metrics):
        for y, second in enumerate(metrics):
            assert axes["frontiers"][f"{x}-{y}"] == list(frontier(points, first, second).index)
    marks = [trace for trace in figures(page)["frontier"]["data"] if "rows" in trace["meta"]]
    assert sorted(row for trace in marks for row in trace["meta"]["rows"]) == list(range(5))


def test_lines_join_points_that_differ_in_one_field(page):
    lines = figures(page)["effects"]["data"][0]
    assert lines["x"] == ["16", "32", None] * 3
    assert lines["y"] == pytest.approx([62.5, 31.25, None, 31.25, 15.625, None, 62.5, None, None])


def test_the_heat_map_holds_the_best(page):
    first = figures(page)["heat_map"]["data"][0]
    assert first["y"] == ["DDR", "HBM", "&lt;b&gt;"]
    assert first["z"] == [[62.5, 31.25], [31.25, 15.625], [62.5, None]]
    assert first["text"][1] == ["31.3 µs", "15.6 µs"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("buffers.input.capacity_bytes", 1024, "1.00 KiB"),
        ("buffers.input.capacity_bytes", 1023, "1023"),
        ("buffers.input.bytes_per_cycle", 4096, "4096"),
        ("hwconfig", "machines/other.v2.yaml", "other.v2"),
        ("clock_mhz", 500.0, "500"),
    ],
)
def test_values_of_varied_fields_read_short(name, value, shown):
    assert value_text(value, name) == shown


def test_what_points_warn_of_is_said_once():
    plain = data(seeds=2)
    assert warned_lines(plain) == []
    texts = [None if number == 1 else "<i> is at chance" if number < 4 else "" for number in plain.frame["point"]]
    warned = SweepData(plain.frame.assign(warnings=texts), plain.fields)
    assert warned_lines(warned) == ["point 2, 3: <i> is at chance"]
    assert "Warning of point 2, 3: &lt;i&gt; is at chance" in sweep_page(warned)
