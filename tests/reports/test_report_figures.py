"""Every figure on a whole, an empty and a very long Result."""

import dataclasses
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.reports.figures import FIGURES, draw_all
from accelsim.reports.figures.aggregate import by_layer, by_phase
from accelsim.reports.figures.curves import POINTS, thinned
from accelsim.reports.figures.intervals import intervals
from accelsim.reports.figures.lost import layer_starts
from accelsim.reports.figures.roofline import MOST_POINTS
from accelsim.reports.figures.style import share_axis
from accelsim.reports.palette import PHASES, phase_colour


@pytest.fixture
def drawn(result):
    return {spec.name: figure for spec, figure in draw_all(result)}


def test_every_figure_draws_and_is_explained(drawn):
    assert list(drawn) == [spec.name for spec in FIGURES]
    assert all(spec.title and spec.explanation.endswith(".") for spec in FIGURES)
    assert all(figure.layout.height > 0 for figure in drawn.values())


def test_what_a_run_lacks_is_left_out(result):
    nothing = {
        name: getattr(result, name).iloc[:0]
        for name in ("layers", "operations", "metrics", "dtypes", "model_size", "quantisers")
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
    assert {trace.name for trace in roofline.draw(bare).data} == set(PHASES.values())


def test_roofline_keeps_the_longest_operations(result):
    roofline = next(spec for spec in FIGURES if spec.name == "roofline")
    many = pd.concat([result.operations] * 300, ignore_index=True)
    many["end_cycle"] += many.index
    figure = roofline.draw(dataclasses.replace(result, operations=many))
    shown = [len(trace.x) for trace in figure.data if trace.mode == "markers"]
    assert sum(shown) == MOST_POINTS < len(many)


def test_critical_path_bars_add_up_to_the_step(result, drawn):
    bars = drawn["critical_path"].data
    assert sum(sum(trace.x) for trace in bars) == result.operations["end_cycle"].max()


def test_hidden_bars_add_up_to_the_products(result):
    hidden = next(spec for spec in FIGURES if spec.name == "hidden")
    figure = hidden.draw(dataclasses.replace(result, operations=result.operations.assign(beside_serial_path_cycles=50)))
    heights = {trace.name: sum(trace.y) for trace in figure.data}
    assert heights == {"Beside the serial path": 150, "Alone": 300, "Slack": 0}


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
    counted = result.quantisers.assign(tensor=["conv2d2.input", "conv2d1.weight_codes", "x"], saturated=0)
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
