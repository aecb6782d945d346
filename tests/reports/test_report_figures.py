"""Every figure on a whole, an empty and a very long Result."""

import dataclasses
import math
import sys

import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.reports.figures import FIGURES, draw_all
from accelsim.reports.figures.aggregate import by_layer, by_phase
from accelsim.reports.figures.curves import POINTS, thinned
from accelsim.reports.figures.intervals import intervals
from accelsim.reports.figures.lost import layer_starts
from accelsim.reports.figures.phase_marks import NAME
from accelsim.reports.figures.quantiser_history import LEAST_STEPS, MOST_STEPS, NUMBERS, quantiser_history
from accelsim.reports.figures.roofline import MOST_POINTS
from accelsim.reports.figures.style import bars, share_axis, unchecked
from accelsim.reports.figures.ticks import log_axis_if_wide
from accelsim.reports.palette import PHASES as TITLES
from accelsim.reports.palette import phase_colour
from accelsim.reports.schema import METRICS, QUANTISERS

PHASES = {phase: title for phase, title in TITLES.items() if phase not in ("recompute", "all_reduce")}
"""Those of the result: nothing in it is done twice."""


@pytest.fixture(scope="module")
def drawn(make_result):
    return {spec.name: figure for spec, figure in draw_all(make_result())}


def test_every_figure_draws_and_is_explained(drawn):
    assert list(drawn) == [spec.name for spec in FIGURES]
    assert all(spec.title and spec.explanation.endswith(".") for spec in FIGURES)
    assert all(figure.layout.height > 0 for figure in drawn.values())


def test_plotly_accepts_every_value(drawn):
    for figure in drawn.values():
        assert len(go.Figure(figure.to_dict()).data) == len(figure.data) > 0


def test_plotly_would_refuse_a_value_that_it_does_not_know():
    wrong = unchecked([bars(x=[1], marker={"color": "no colour"})])
    with pytest.raises(ValueError, match="color"):
        go.Figure(wrong.to_dict())


def test_what_a_run_lacks_is_left_out(result):
    nothing = {
        name: getattr(result, name).iloc[:0]
        for name in ("layers", "operations", "metrics", "dtypes", "model_size", "quantisers", "traffic")
    }
    assert draw_all(dataclasses.replace(result, **nothing)) == []


def test_unknown_energy_is_left_out(result):
    blank = {name: None for name in result.layers.columns if name.startswith("energy")}
    drawn = draw_all(dataclasses.replace(result, layers=result.layers.assign(**blank)))
    assert {spec.name for spec, _ in drawn} == {s.name for s in FIGURES} - {"energy_layers", "energy_phases"}


@pytest.mark.parametrize("name", ["cycles", "timeline", "critical_path", "roofline", "traffic"])
def test_phases_keep_their_colours(drawn, name):
    titles = {PHASES[phase]: phase_colour(phase) for phase in PHASES}
    shown = [trace for trace in drawn[name].data if trace.name in titles and trace.showlegend is not False]
    assert len(shown) >= 3
    assert all(trace.marker.color == titles[trace.name] for trace in shown)


def test_bars_of_tensor_classes_add_up_to_the_table(result, drawn):
    figure = drawn["tensor_classes"]
    kib = sum(sum(trace.x) for trace in figure.data)
    assert kib * 1024 == (result.traffic["read_bytes"] + result.traffic["write_bytes"]).sum()
    assert list(figure.layout.yaxis.categoryarray) == ["Weights", "Stash", "Layer gradients", "Weight gradients"]
    shown = [(trace.name, trace.marker.color) for trace in figure.data if trace.showlegend]
    assert shown == [(PHASES[phase], phase_colour(phase)) for phase in ("forward", "weight_gradient")]


def test_bars_add_up_to_the_table(result, drawn):
    cycles = sum(sum(trace.y) for trace in drawn["cycles"].data)
    assert cycles == (result.layers["compute_cycles"] + result.layers["stall_cycles"]).sum()
    parts = ["energy_mac_pj", "energy_lane_pj", "energy_sram_pj", "energy_dram_pj"]
    for name in ("energy_layers", "energy_phases"):
        assert sum(sum(trace.y) for trace in drawn[name].data) == pytest.approx(result.layers[parts].sum().sum())


def test_sums_keep_network_and_step_order(result):
    shuffled = result.layers.iloc[::-1]
    assert list(by_phase(shuffled, ["macs"]).index) == list(PHASES)
    assert list(by_layer(result.layers, ["macs"]).index) == ["conv2d1", "conv2d2", "conv2d3"]


def test_names_are_escaped_and_a_missing_layer_has_a_label(result):
    layers = result.layers.assign(layer=["<b>&", "", "x"] * 4)
    assert list(by_layer(layers, ["macs"]).index) == ["&lt;b&gt;&amp;", "(no layer)", "x"]


def test_roofline_limits_and_operations_without_dram(result):
    roofline = next(spec for spec in FIGURES if spec.name == "roofline")
    operations = result.operations.assign(operations_per_dram_byte=2.0)
    operations.loc[0, ["dram_read_bytes", "dram_write_bytes", "operations_per_dram_byte"]] = [0, 0, math.inf]
    figure = roofline.draw(dataclasses.replace(result, operations=operations))
    limit = next(trace for trace in figure.data if trace.name == "Limit")
    peak, per_cycle = 2 * 2 * 32 * 32, 1.92e10 / 500e6
    assert limit.y[-1] == peak
    assert limit.x[1] == pytest.approx(peak / per_cycle)
    assert limit.y[0] == pytest.approx(limit.x[0] * per_cycle)
    assert next(trace for trace in figure.data if trace.name == "One array").y[-1] == peak / 2
    assert figure.data[0].marker.symbol[-1] == "triangle-right"
    assert figure.data[0].x[-1] == 4
    nothing = operations.assign(dram_read_bytes=0, dram_write_bytes=0)
    bare = dataclasses.replace(result, operations=nothing, hwconfig={"name": "bare"})
    assert {trace.name for trace in roofline.draw(bare).data} == {*PHASES.values(), NAME}


def test_roofline_marks_phases_and_the_step(result):
    """Those without DRAM traffic lie at the right edge; where they aren't known there are none."""
    roofs = result.roofline.copy()
    roofs.loc[0, ["dram_bytes", "operations_per_dram_byte"]] = [0, math.inf]
    draw = next(spec for spec in FIGURES if spec.name == "roofline").draw
    figure = draw(dataclasses.replace(result, roofline=roofs))
    (marks,) = (trace for trace in figure.data if trace.name == NAME)
    assert [text.partition("</b>")[0] for text in marks.hovertext] == [
        f"<b>{n}" for n in (*PHASES.values(), "Whole step")
    ]
    assert marks.x[0] == result.operations["operations_per_dram_byte"].max()
    assert list(marks.x[1:]) == roofs["operations_per_dram_byte"].tolist()[1:]
    assert list(marks.y) == roofs["operations_per_cycle"].tolist()
    without = draw(dataclasses.replace(result, roofline=roofs.iloc[:0]))
    assert NAME not in {trace.name for trace in without.data}


def test_waits_add_up_by_cause_and_phase(result):
    """Before an operation holds its unit, and after; causes that don't occur have no bar."""
    operations = result.operations.assign(room_cycles=0, stall_level_near_cycles=7)
    figure = next(spec for spec in FIGURES if spec.name == "waits").draw(
        dataclasses.replace(result, operations=operations)
    )
    assert [trace.name for trace in figure.data] == 2 * list(PHASES.values())
    sums = {trace.y: [0] * len(trace.y) for trace in figure.data}
    for trace in figure.data:
        sums[trace.y] = [known + more for known, more in zip(sums[trace.y], trace.x, strict=True)]
    assert sums == {("Before: unit busy",): [36], ("DRAM busy with others", "Level near"): [180, 84]}


def test_roofline_keeps_the_longest_operations(result):
    roofline = next(spec for spec in FIGURES if spec.name == "roofline")
    many = pd.concat([result.operations] * 300, ignore_index=True)
    many["end_cycle"] += many.index
    figure = roofline.draw(dataclasses.replace(result, operations=many))
    shown = [len(trace.x) for trace in figure.data if trace.mode == "markers" and trace.name != NAME]
    assert sum(shown) == MOST_POINTS < len(many)


def test_critical_path_bars_add_up_to_the_step(result, drawn):
    bars = drawn["critical_path"].data
    assert sum(sum(trace.x) for trace in bars) == result.operations["end_cycle"].max()


def test_hidden_bars_add_up_to_the_products(result):
    hidden = next(spec for spec in FIGURES if spec.name == "hidden")
    figure = hidden.draw(dataclasses.replace(result, operations=result.operations.assign(beside_serial_path_cycles=50)))
    heights = {trace.name: sum(trace.y) for trace in figure.data}
    assert heights == {"Beside the serial path": 150, "Not beside it": 300, "Slack": 0}


def test_no_slack_at_all_is_an_axis_from_zero_to_one(result, drawn):
    assert drawn["hidden"].layout.yaxis2.range == (0, 1)
    hidden = next(spec for spec in FIGURES if spec.name == "hidden")
    figure = hidden.draw(dataclasses.replace(result, operations=result.operations.assign(slack_cycles=7)))
    assert figure.layout.yaxis2.range is None
    assert figure.layout.yaxis2.rangemode == "tozero"


@pytest.mark.parametrize("shares", [[], [0.0], [1.0], [0.97], [0.9667, 0.9694], [0.1, 0.999]])
def test_an_axis_of_shares_fits_them_and_stays_within_a_hundred_percent(shares):
    low, high = share_axis(shares)["range"]
    assert 0 <= low < high <= 1
    assert all(low <= share <= high for share in shares)
    assert not shares or high - low <= 1.16 * (max(shares) - min(shares)) + 0.0101


def test_roofline_speaks_in_readable_counts(drawn):
    texts = [text for trace in drawn["roofline"].data if trace.name == "Limit" for text in trace.text]
    assert texts[-1] == "4.10 k per cycle"
    assert "µ" not in "".join(drawn["roofline"].layout.yaxis.ticktext)


def test_the_tensors_that_lost_the_most_are_named(drawn):
    noise, zero, saturated = (title.text for title in drawn["quantisers"].layout.annotations)
    assert "<b>1</b>  conv1.input  31.2 dB" in noise
    assert "<b>1</b>  conv1.weight_codes  10.4 %" in zero
    assert "<b>2</b>  conv1.input  1.56 %" in zero
    assert "conv1.input  4.69 %" in saturated
    assert "conv1.weight_codes" not in saturated
    assert drawn["quantisers"].layout.xaxis3.ticktext == ("conv1", "(no layer)")


def test_lost_tensors_are_coloured_by_role(result):
    counted = result.quantisers.assign(tensor=2 * ["conv2d2.input", "conv2d1.weight_codes", "x"], saturated=0)
    spec = next(spec for spec in FIGURES if spec.name == "quantisers")
    figure = spec.draw(dataclasses.replace(result, quantisers=counted))
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert [trace.name for trace in points if trace.showlegend] == ["activation", "weight", "other"]
    assert len({trace.marker.color for trace in points}) == 3
    assert len(figure.layout.annotations) == 2
    assert sorted(x for trace in points[::2] for x in trace.x) == [0, 1, 2]
    assert all("saturated 0 %" in hover for trace in points for hover in trace.hovertext)


def test_ticks_of_many_layers_are_thinned():
    lost = pd.DataFrame({"layer": [name for name in "abcdefghij" for _ in range(2)]})
    assert layer_starts(lost, 20) == ([2 * i for i in range(10)], list("abcdefghij"))
    assert layer_starts(lost, 4) == ([0, 6, 12, 18], ["a", "d", "g", "j"])


def test_long_training_is_thinned(make_result):
    metrics = make_result(steps=5 * POINTS + 1).metrics
    steps, losses = thinned(metrics, "train_loss")
    assert len(steps) == len(losses) <= POINTS
    assert losses[0] == pytest.approx(metrics["train_loss"][:6].mean())


def test_arrays_that_work_side_by_side_have_rows_of_their_own(result):
    layers = result.layers.assign(start_cycle=0, end_cycle=10, unit=["mac_array", "mac_array", "norm"] * 4)
    rows = {bar.row for bar in intervals(layers)}
    assert rows == {f"MAC array {i}" for i in range(1, 9)} | {f"Norm {i}" for i in range(1, 5)}


times = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 30), st.sampled_from(list(PHASES))), min_size=1, max_size=60
)


@given(times, st.integers(1, 40))
def test_timeline_is_bounded_and_keeps_busy_cycles(found, most):
    rows = []
    for index, (gap, length, phase) in enumerate(found):
        start = gap + (rows[-1]["end_cycle"] if rows else 0)
        rows.append({"unit": "norm", "phase": phase, "layer": "l", "operation": "o", "index": index})
        rows[-1] |= {"start_cycle": start, "end_cycle": start + length}
    bars = intervals(pd.DataFrame(rows), most)
    assert len(bars) <= most
    assert all(0 < bar.share <= 1 and bar.end > bar.start for bar in bars)
    busy = sum((bar.end - bar.start) * bar.share for bar in bars)
    assert busy == pytest.approx(sum(length for _, length, _ in found))


def test_a_choice_of_quantisers_shows_its_lines_in_every_panel(result, drawn):
    figure = drawn["quantiser_history"]
    choices = figure.layout.meta["choices"]
    assert [choice["name"] for choice in choices] == [
        "activation, all layers",
        "weight, all layers",
        "conv1",
        "(no layer)",
    ]
    assert [len(choice["traces"]) // 5 for choice in choices] == [1, 2, 2, 1]
    for choice in choices:
        assert len(choice["traces"]) == len(choice["names"]) == len(choice["colours"])
        tensors = [figure.data[line].legendgroup for line in choice["traces"]]
        assert tensors == tensors[: len(tensors) // 5] * 5
    assert {choice["names"][0] for choice in choices[:2]} == {"conv1"}
    assert choices[2]["names"][:2] == ["activation", "weight"]
    seen = [line for line, trace in enumerate(figure.data) if trace.visible]
    assert seen == choices[0]["traces"]
    assert (figure.data[0].x, figure.data[0].y) == ((10, 20), (0.01, 0.01))
    assert choices[0]["layout"]["yaxis2.range"][1] > 3 / 64
    assert choices[0]["layout"]["yaxis.ticktext"] is None  # one value
    assert choices[1]["layout"]["yaxis.ticktext"] is not None
    assert figure.layout.yaxis2.range == tuple(choices[0]["layout"]["yaxis2.range"])


def test_ticks_of_logarithmic_axes_are_written_out(drawn):
    """Plotly's own would be bare digits between powers of ten."""
    axes = [axis for name in ("norms", "quantiser_history", "roofline") for axis in drawn[name].select_yaxes()]
    logarithmic = [axis for axis in axes if axis.type == "log"]
    assert len(logarithmic) >= 3
    assert sum(axis.ticktext is not None for axis in logarithmic) >= 2
    for low, high in ((0.3, 40.0), (1e-6, 1.0), (0.012, 0.033)):
        ticks = log_axis_if_wide([low, high])
        assert len(ticks["ticktext"]) == len(ticks["tickvals"])
        assert sum(low <= tick <= high for tick in ticks["tickvals"]) >= 2
    assert (
        log_axis_if_wide([0.0121, 0.0135])["tickvals"] is None
    )  # plotly's own ticks within a decade are whole numbers


def test_what_no_axis_can_show_is_a_gap(drawn):
    lines = {trace.yaxis: trace.y for trace in drawn["quantiser_history"].data if trace.legendgroup == "x"}
    assert lines["y4"] == (None, None)
    assert lines["y5"] == (1.0, 1.0)


def test_the_history_of_one_step_or_of_an_older_run_is_none(result):
    last = result.quantisers[result.quantisers["step"] == 20]
    assert quantiser_history(dataclasses.replace(result, quantisers=last)) is None
    assert quantiser_history(dataclasses.replace(result, quantisers=result.quantisers[QUANTISERS])) is None


@pytest.mark.parametrize(("numbers", "most"), [(NUMBERS, MOST_STEPS), (3 * 5 * 40, 40), (1, LEAST_STEPS)])
def test_a_long_history_is_thinned_and_keeps_its_last_step(result, monkeypatch, numbers, most):
    monkeypatch.setattr(sys.modules[quantiser_history.__module__], "NUMBERS", numbers)
    last = result.quantisers[result.quantisers["step"] == 20]
    long = pd.concat([last.assign(step=step) for step in range(1, 400)])
    (shown,) = {trace.x for trace in quantiser_history(dataclasses.replace(result, quantisers=long)).data}
    assert most / 2 < len(shown) <= most
    assert shown[-1] == 399


def test_an_older_run_has_no_norms_and_no_training_accuracy(result):
    old = {spec.name: figure for spec, figure in draw_all(dataclasses.replace(result, metrics=result.metrics[METRICS]))}
    assert "norms" not in old
    assert [trace.name for trace in old["curves"].data] == ["Train loss", "Test loss", "Test accuracy"]
