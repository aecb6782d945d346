"""Comparison: differences, ratios, verdicts, labels and pages."""

import dataclasses
import io
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs
from rich.console import Console

from accelsim.errors import UserError
from accelsim.reports.compare import compare_page, comparison, comparison_table, comparison_warnings
from accelsim.reports.compare.cells import compare_cells, verdict
from accelsim.reports.compare.figures import FIGURES, draw_comparison
from accelsim.reports.compare.figures.cycles import cycles
from accelsim.reports.compare.figures.energy import energy
from accelsim.reports.compare.figures.ticks import TICK_CHARACTERS, folded
from accelsim.reports.compare.labels import _numbered, unique_labels
from accelsim.reports.compare.metrics import CHARTED, METRICS, better_way
from accelsim.reports.compare.settings import differing_settings, shown_settings
from accelsim.reports.compare.workloads import workload_warning


@pytest.fixture
def pair(make_result):
    base = make_result("fp32", model_size_bytes=4096, test_accuracy=0.9, mac_utilisation=0.5)
    return [base, make_result("int8", model_size_bytes=1024, test_accuracy=0.88, mac_utilisation=0.6, area_um2=None)]


def figures_of(page):
    return json.loads(re.search(r'id="figure-data">(.*?)</script>', page.replace(get_plotlyjs(), "")).group(1))


def test_columns_differences_and_ratios(pair):
    frame = comparison(pair)
    assert list(frame.columns) == ["metric", "unit", "fp32", "int8", "int8 difference", "int8 ratio"]
    rows = frame.set_index("metric")
    assert rows.loc["Model size"].tolist() == ["bytes", 4096, 1024, -3072, 0.25]
    assert rows.loc["Test accuracy", "int8 difference"] == pytest.approx(-2.0)
    assert rows.loc["MAC utilisation", "int8 ratio"] == pytest.approx(1.2)
    assert math.isnan(rows.loc["Silicon area", "int8 ratio"])


def test_a_base_of_zero_has_no_ratio(make_result):
    frame = comparison([make_result("a", dram_bytes_per_step=0), make_result("b")]).set_index("metric")
    assert math.isnan(frame.loc["DRAM traffic per step", "b ratio"])


def test_one_result_is_fine_and_none_is_the_users_mistake(result):
    assert list(comparison([result]).columns) == ["metric", "unit", "int8"]
    assert "curves" in figures_of(compare_page([result]))
    for compare in (comparison, compare_page, lambda results: comparison_table(results, 100)):
        with pytest.raises(UserError, match="nothing to compare"):
            compare([])


def test_labels_are_told_apart(make_result):
    assert unique_labels([make_result("a"), make_result("b")]) == ["a", "b"]
    assert unique_labels([make_result("a"), make_result("a")]) == ["a", "a #2"]
    assert unique_labels([make_result("a", "x"), make_result("a", "y")]) == ["a / x", "a / y"]
    assert unique_labels([make_result("a", "x"), make_result("b", "y")]) == ["a / x", "b / y"]


def with_field(result, **fields):
    return dataclasses.replace(result, hwconfig=result.hwconfig | fields)


def test_namesakes_are_told_apart_by_their_settings(make_result):
    slow, quick = (with_field(make_result("a"), clock_mhz=clock) for clock in (500.0, 700.0))
    other = make_result("a", workload_fields={"network": {"input_shape": [8, 8, 3]}})
    assert unique_labels([slow, quick]) == ["a (clock_mhz=500.0)", "a (clock_mhz=700.0)"]
    assert unique_labels([slow, make_result("b"), quick])[1] == "b"
    assert unique_labels([slow, slow, quick])[:2] == ["a (clock_mhz=500.0)", "a (clock_mhz=500.0) #2"]
    assert unique_labels([slow, other]) == ["a (network.input_shape.2=1)", "a (network.input_shape.2=3)"]


def test_many_differing_settings_are_counted(make_result):
    fields = {name: {"deep": {"format": name * 30, "on": True}} for name in "pq"}
    mine, theirs = differing_settings([with_field(make_result(), **fields), make_result()])
    assert list(mine) == ["p.deep.format", "p.deep.on", "q.deep.format", "q.deep.on"]
    assert shown_settings(mine) == f"p.deep.format={'p' * 19}…, p.deep.on=true, q.deep.format={'q' * 19}…, 1 more"
    assert theirs == {}
    assert shown_settings({"a.b": None}) == "a.b=none"


def test_of_a_cluster_labels_say_that_it_is_there_and_what_differs(make_result):
    section = {"machines": 4, "topology": "ring", "link_latency_ns": 500.0}
    one, four, eight = make_result(), *(with_field(make_result(), cluster=section | {"machines": n}) for n in (4, 8))
    switch = with_field(make_result(), cluster=section | {"topology": "switch"})
    assert differing_settings([one, four]) == [{}, {"cluster.machines": 4}]
    assert differing_settings([four, eight]) == [{"cluster.machines": 4}, {"cluster.machines": 8}]
    both = {"cluster.machines": 4, "cluster.topology": "switch"}
    assert differing_settings([one, four, switch]) == [{}, both | {"cluster.topology": "ring"}, both]
    assert differing_settings([four, switch]) == [{"cluster.topology": "ring"}, {"cluster.topology": "switch"}]


@given(st.lists(st.sampled_from(["a", "a #2", "a #3", "b"]), min_size=1, max_size=8))
def test_numbered_labels_are_unique(labels):
    unique = _numbered(labels)
    assert len(set(unique)) == len(labels)
    assert all(new.startswith(old) for new, old in zip(unique, labels, strict=True))


def test_verdicts():
    by_key = {metric.key: metric for metric in METRICS}
    size, accuracy = by_key["model_size_bytes"], by_key["test_accuracy"]
    assert verdict(size, 1.0, 4.0) == "better"
    assert verdict(size, 5.0, 4.0) == "worse"
    assert verdict(accuracy, 91.0, 90.0) == "better"
    assert verdict(accuracy, 90.1, 90.0) == ""
    assert verdict(size, math.nan, 4.0) == ""


def test_cells_read_well(pair):
    header, rows = compare_cells(pair)
    found = {row[0].text: [cell.text for cell in row[1:]] for row in rows}
    assert header[3:] == ["int8 difference", "int8 ratio"]
    assert found["Test accuracy"] == ["90.00 %", "88.00 %", "-2.00 pp", "0.978x"]
    assert found["MAC utilisation"] == ["50.0 %", "60.0 %", "+10.0 pp", "1.20x"]
    assert found["Silicon area"] == ["1.75 mm²", "–", "–", "–"]


def test_metrics_that_no_run_has_are_left_out(make_result):
    _, rows = compare_cells([make_result("a", area_um2=None), make_result("b", area_um2=None)])
    assert "Silicon area" not in [row[0].text for row in rows]


def test_close_accuracies_and_losses_differ_in_what_is_shown(make_result):
    runs = [
        make_result("a", test_accuracy=0.8963, test_loss=0.31),
        make_result("b", test_accuracy=0.8965, test_loss=0.3),
    ]
    found = {row[0].text: [cell.text for cell in row[1:4]] for row in compare_cells(runs)[1]}
    assert found["Test accuracy"] == ["89.63 %", "89.65 %", "+0.02 pp"]
    assert found["Test loss"] == ["0.31", "0.3", "-0.01"]


@pytest.mark.parametrize(
    ("key", "base", "value", "difference"),
    [
        ("area_um2", 1.740e6, 1.750536e6, "+0.0105 mm²"),
        ("area_um2", 1.74e6, 89626.0, "-1.65 mm²"),
        ("model_size_bytes", 4096, 512, "-3.50 KiB"),
        ("time_per_step_s", 200.0, 20.0, "-3.00 min"),
        ("time_per_step_s", 200.0, 200.0, "0 min"),
        ("mac_utilisation", 50.0, 49.99, "0.0 pp"),
        ("achieved_tops", 1.5, 0.25, "-1.25 TOPS"),
    ],
)
def test_a_difference_has_the_unit_of_the_larger_value(key, base, value, difference):
    metric = next(metric for metric in METRICS if metric.key == key)
    assert metric.difference(value, base).replace("0.00 min", "0 min") == difference


def test_every_charted_metric_without_the_usual_way_is_named():
    named = better_way(CHARTED)
    for metric in CHARTED:
        assert (metric.title in named) == (metric.higher_is_better is not False)
    assert better_way([metric for metric in CHARTED if metric.higher_is_better is False]) == "Less is better."


def test_the_caption_of_ratios_names_no_metric_that_is_not_drawn(pair):
    timed = [dataclasses.replace(run, summary=run.summary | {"test_accuracy": None}) for run in pair]
    [(spec, figure)] = [(spec, figure) for spec, figure in draw_comparison(timed) if spec.name == "ratios"]
    named = spec.explanation.split("Less is better, ")[1]
    bars = set(figure.layout.yaxis.categoryarray)
    assert "MAC utilisation" in bars
    assert "MAC utilisation" in named
    unusual = [metric.title for metric in CHARTED if metric.higher_is_better is not False]
    assert {title for title in unusual if title in named} == {title for title in unusual if title in bars}
    assert "Test accuracy" not in named


def shown_on(results, width, **options):
    console = Console(width=width, file=io.StringIO(), **options)
    console.print(comparison_table(results, width))
    return console.file.getvalue()


@pytest.mark.parametrize(("width", "differences"), [(60, False), (80, True), (160, True)])
def test_terminal_table_fits_its_console(pair, width, differences):
    shown = shown_on(pair, width, force_terminal=True, color_system="standard")
    assert "0.250x" in shown
    assert ("2 − 1" in shown) == differences
    assert "\x1b[32m" in shown
    assert "\x1b[31m" in shown


@pytest.mark.parametrize(("width", "blocks"), [(60, 3), (80, 2), (120, 1), (200, 1)])
def test_runs_that_do_not_fit_stand_below_each_other_and_no_word_breaks(make_result, width, blocks):
    names = [f"int8_range_bn_with_a_long_name_{letter}" for letter in "abcd"]
    runs = [make_result(name, energy_per_step_pj=10.0**i, area_um2=1.2345e6) for i, name in enumerate(names)]
    shown = shown_on(runs, width)
    assert max(map(len, shown.splitlines())) <= width
    assert shown.count("Test accuracy") == blocks
    for number, name in enumerate(names, start=1):
        assert f"{number}  {name}" in shown
    words = set(shown.split())
    for _, *cells in ([cell.text for cell in row] for row in compare_cells(runs, differences=False)[1]):
        assert {word for cell in cells for word in cell.split()} <= words


def test_a_terminal_that_is_too_narrow_still_gets_every_digit(pair):
    shown = shown_on(pair, 30)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 30


def test_the_terminal_names_the_work(make_result):
    assert "Workload: digits_cnn\n" in shown_on([make_result("a"), make_result("b")], 80)
    shown = shown_on([make_result("a"), make_result("b", "gpt2", workload_fields={"epochs": 9})], 80)
    assert shown.startswith("Warning: The runs did different work (digits_cnn, gpt2; what differs: epochs):")
    assert "2  b / gpt2" in shown


def test_different_workloads_are_pointed_out(make_result):
    results = [make_result("a"), make_result("b", workload_fields={"epochs": 9})]
    assert workload_warning([make_result("a"), make_result("b")]) == ""
    assert workload_warning([make_result("a"), make_result("b", workload_fields={"seed": 9})]) == ""
    assert "what differs: epochs" in workload_warning(results)
    assert 'role="alert"' in compare_page(results)


def test_page_holds_table_figures_and_plotly_once(pair):
    page = compare_page(pair)
    assert page.count(get_plotlyjs()) == 1
    assert list(figures_of(page)) == [spec.name for spec in FIGURES]
    for text in ("0.250x", 'class="number better"', 'class="number worse"', "DRAM is plain bandwidth."):
        assert text in page.replace(get_plotlyjs(), "")
    assert 'role="alert"' not in page.replace(get_plotlyjs(), "")
    assert compare_page(pair) == page


def test_assumptions_of_one_run_alone_are_set_apart(make_result):
    page = compare_page([make_result("a", assumptions=["s"]), make_result("b", assumptions=["s", "t"])])
    assert "Assumed for b only" in page
    assert "Assumed for a only" not in page
    swapped = compare_page([make_result("b", assumptions=["s", "t"]), make_result("a", assumptions=["s"])])
    assert "Assumed for b only" in swapped
    assert "Assumed for a only" not in swapped


def test_runs_without_training_or_energy_compare_what_they_have(make_result):
    blank = {f"energy_{part}_pj": 0.0 for part in ("mac", "lane", "sram", "dram")}
    runs = [make_result(name, steps=0, test_accuracy=None, energy_per_step_pj=None) for name in "ab"]
    runs = [dataclasses.replace(run, layers=run.layers.assign(**blank)) for run in runs]
    assert list(figures_of(compare_page(runs))) == ["ratios", "cycles", "traffic"]


def test_accuracy_against_time_is_that_of_all_steps_so_far(make_result):
    run = make_result("a")
    figure = figures_of(compare_page([run]))["time_to_accuracy"]
    (line,) = figure["data"]
    evaluated = run.metrics.dropna(subset="test_accuracy")
    seconds = evaluated["step"] * run.summary["time_per_step_s"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "Training time on the accelerator (ms)"
    assert line["x"] == pytest.approx([second * 1e3 for second in seconds])
    assert line["y"] == evaluated["test_accuracy"].tolist()


def test_accuracy_against_energy_falls_back_on_the_summary(make_result):
    figure = figures_of(compare_page([make_result("a", steps=0), make_result("b")]))["frontier"]
    summary_only, logged = figure["data"]
    assert summary_only["x"] == [10 * 4.2e9 / 1e9]
    assert len(logged["x"]) == 2


def test_a_single_epoch_is_a_visible_point(make_result):
    curves = figures_of(compare_page([make_result("a", steps=5), make_result("b", steps=5)]))["curves"]
    accuracies = [trace for trace in curves["data"] if trace["yaxis"] == "y2"]
    assert [len(trace["x"]) for trace in accuracies] == [1, 1]
    assert all("markers" in trace["mode"] for trace in accuracies)
    assert len({trace["marker"]["symbol"] for trace in accuracies}) == 2
    low, high = curves["layout"]["yaxis2"]["range"]
    assert all(low < trace["y"][0] < high <= 1 for trace in accuracies)


def test_hostile_names_stay_text(make_result):
    evil = "</script><script>alert(1)</script>"
    page = compare_page([make_result(evil), make_result(evil)]).replace(get_plotlyjs(), "")
    assert "<script>alert" not in page


def test_names_below_bars_fold_where_settings_can_be_broken(make_result):
    long = "fp8_hybrid (numerics.activation.format=fp8_e3m4, epochs=1)"
    lines = folded(long).split("<br>")
    assert lines == ["fp8_hybrid (numerics.", "activation.format=", "fp8_e3m4, epochs=1)"]
    assert max(map(len, lines)) <= TICK_CHARACTERS
    assert folded("<b>") == "&lt;b&gt;"
    assert folded("x" * 60) == "x" * 60, "what can't be broken stays whole"
    results = [make_result("a"), make_result(long)]
    for draw in (cycles, energy):
        figure = draw(results)
        assert figure.layout.xaxis.tickvals == figure.data[0].x == ("a", long)
        assert figure.layout.xaxis.ticktext == ("a", "<br>".join(lines))


def test_traffic_of_classes_stands_side_by_side(make_result):
    runs = [make_result("a"), make_result("b")]
    half = runs[1].traffic[runs[1].traffic["phase"] == "forward"]
    figure = figures_of(compare_page([runs[0], dataclasses.replace(runs[1], traffic=half)]))["traffic"]
    first, second = figure["data"]
    assert first["y"] == second["y"] == ["Weights", "Stash", "Layer gradients", "Weight gradients"]
    assert [size * 1024 for size in first["x"]] == [1024, 7168, 512, 512]
    assert [size * 1024 for size in second["x"]] == [1024, 3072, 0, 0]
    bare = dataclasses.replace(runs[0], traffic=half.iloc[:0])
    assert "traffic" not in figures_of(compare_page([bare, bare]))


def test_more_hardware_that_takes_longer_is_pointed_out(make_result, load):
    def result(cycles, **dram):
        made = make_result("a", total_cycles=cycles)
        hw = load("int8_range_bn").model_dump(mode="json")
        return dataclasses.replace(made, hwconfig={**hw, "dram": {**hw["dram"], **dram}})

    longer = [result(1000), result(1010, channels=64)]
    (message,) = comparison_warnings(longer)
    assert "takes 1.00% longer" in message
    assert 'role="alert"' in compare_page(longer)
    assert comparison_warnings([result(1000), result(1000, channels=64)]) == []
    assert comparison_warnings([result(1000), result(1010)]) == []  # one machine, two versions of the simulator


def test_what_was_set_for_all_is_shown(pair):
    settings = ["mac_array.count=4", "name=<b>"]
    console = Console(width=100, file=io.StringIO())
    console.print(comparison_table(pair, 100, settings))
    assert "Set: mac_array.count=4, name=<b>\n" in re.sub(" +\n", "\n", console.file.getvalue())
    assert "Set: mac_array.count=4, name=&lt;b&gt;</p>" in compare_page(pair, settings)
    assert "Set:" not in compare_page(pair).replace(get_plotlyjs(), "")
