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
from accelsim.reports.compare import compare_page, comparison, comparison_table
from accelsim.reports.compare.cells import compare_cells, verdict
from accelsim.reports.compare.figures import FIGURES
from accelsim.reports.compare.labels import _numbered, unique_labels, workload_warning
from accelsim.reports.compare.metrics import METRICS


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
    assert found["Test accuracy"] == ["90.0 %", "88.0 %", "-2.0 pp", "0.978x"]
    assert found["MAC utilisation"] == ["50.0 %", "60.0 %", "+10.0 pp", "1.20x"]
    assert found["Silicon area"] == ["1.75 mm²", "–", "–", "–"]


def test_metrics_that_no_run_has_are_left_out(make_result):
    _, rows = compare_cells([make_result("a", area_um2=None), make_result("b", area_um2=None)])
    assert "Silicon area" not in [row[0].text for row in rows]


@pytest.mark.parametrize(("width", "differences"), [(60, False), (160, True)])
def test_terminal_table_fits_its_console(pair, width, differences):
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(comparison_table(pair, width))
    shown = console.file.getvalue()
    assert "0.250x" in shown
    assert ("difference" in shown) == differences
    assert "\x1b[32m" in shown
    assert "\x1b[31m" in shown


def test_different_workloads_are_pointed_out(make_result):
    results = [make_result("a"), make_result("b", workload_fields={"epochs": 9})]
    assert workload_warning([make_result("a"), make_result("b")]) == ""
    assert workload_warning(results).startswith("The workloads differ in epochs:")
    assert comparison_table(results, 100).caption is not None
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


def test_runs_without_training_or_energy_compare_what_they_have(make_result):
    blank = {f"energy_{part}_pj": 0.0 for part in ("mac", "lane", "sram", "dram")}
    runs = [make_result(name, steps=0, test_accuracy=None, energy_per_step_pj=None) for name in "ab"]
    runs = [dataclasses.replace(run, layers=run.layers.assign(**blank)) for run in runs]
    assert list(figures_of(compare_page(runs))) == ["ratios", "cycles"]


def test_accuracy_against_energy_falls_back_on_the_summary(make_result):
    figure = figures_of(compare_page([make_result("a", steps=0), make_result("b")]))["frontier"]
    summary_only, logged = figure["data"]
    assert summary_only["x"] == [10 * 4.2e9 / 1e9]
    assert len(logged["x"]) == 2


def test_hostile_names_stay_text(make_result):
    evil = "</script><script>alert(1)</script>"
    page = compare_page([make_result(evil), make_result(evil)]).replace(get_plotlyjs(), "")
    assert "<script>alert" not in page
