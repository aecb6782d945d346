"""The run page: whole, offline, escaped; the same figures in notebook and terminal."""

import dataclasses
import io
import json
import re
from functools import cache
from html.parser import HTMLParser

import pandas as pd
import pytest
from plotly.offline import get_plotlyjs
from rich.console import Console

from accelsim.reports.critical import CRITICAL_PATH
from accelsim.reports.figures import FIGURES
from accelsim.reports.hidden import HIDDEN, hidden_note
from accelsim.reports.memories import MEMORIES
from accelsim.reports.notebook import notebook_view
from accelsim.reports.page import run_page
from accelsim.reports.phases import PHASES_OF_STEP
from accelsim.reports.roofs import ROOFS
from accelsim.reports.terminal import step_table, step_tables, summary_table
from accelsim.reports.traffic import TRAFFIC
from accelsim.reports.waits import WAITS
from accelsim.reports.web.script import SCRIPT
from accelsim.reports.web.style import STYLE

EVIL = "</script><script>alert('x')</script>&\"<b>"


class Elements(HTMLParser):
    """Start tags with their attributes, and a check that what opens closes."""

    VOID = frozenset({"meta", "input", "br", "wbr"})

    def __init__(self, page):
        super().__init__()
        self.found, self.open = [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def text_of(renderable, width=140):
    console = Console(width=width, file=io.StringIO())
    console.print(renderable)
    return console.file.getvalue()


def own_part(page):
    return page.replace(get_plotlyjs(), "")


@pytest.fixture(scope="module")
def page_without(make_result):
    """The own part of the page of a result whose table of some name is empty."""

    @cache
    def drawn(table):
        result = make_result()
        return own_part(run_page(dataclasses.replace(result, **{table: getattr(result, table).iloc[:0]})))

    return drawn


def test_the_page_is_well_formed_and_needs_no_network(page):
    assert page.count(get_plotlyjs()) == 1
    elements = Elements(own_part(page))
    assert not any("src" in attrs or "href" in attrs for _, attrs in elements.found)
    assert not re.search(r"https?://|@import|url\(", own_part(page))
    assert "prefers-color-scheme: dark" in STYLE


def test_every_figure_has_its_place_and_its_data(page):
    page = own_part(page)
    data = json.loads(re.search(r'id="figure-data">(.*?)</script>', page).group(1))
    assert list(data) == [spec.name for spec in FIGURES]
    ids = [attrs["id"] for _, attrs in Elements(page).found if "id" in attrs]
    assert set(data) <= set(ids)
    assert len(ids) == len(set(ids))


def test_key_figures_assumptions_formats_versions_and_seed_are_there(page):
    page = own_part(page)
    for text in ("87.50 %", "24.6 ms", "4.20 mJ", "1.50 KiB", "3.00 MiB", "42.0 %", "seed 7", "accelsim 0.1.0"):
        assert text in page
    assert page.index("3.00 MiB") < page.index("DRAM is plain bandwidth.") < page.index('class="figures"')
    assert page.count("conv2d1.<wbr>weight_<wbr>codes") == 1


def test_the_first_assumptions_are_open_and_the_rest_folded(make_result):
    page = own_part(run_page(make_result(assumptions=[f"Assumption {i}." for i in range(5)])))
    opened, folded = page.split("<summary>2 more</summary>")
    assert "Assumption 2." in opened
    assert "Assumption 3." not in opened
    assert "Assumption 4." in folded
    Elements(page)
    assert " more</summary>" not in own_part(run_page(make_result(assumptions=["a", "b", "c"])))


def test_equal_results_give_equal_pages(make_result, page):
    assert run_page(make_result()) == page


def test_hostile_text_stays_text(make_result):
    result = make_result(assumptions=[EVIL], versions={EVIL: EVIL}, workload_fields={"description": EVIL})
    layers, operations = (frame.assign(layer=EVIL, operation=EVIL) for frame in (result.layers, result.operations))
    hostile = dataclasses.replace(
        result,
        layers=layers,
        operations=operations,
        dtypes=result.dtypes.assign(tensor=EVIL),
        model_size=result.model_size.assign(format=EVIL),
    )
    page = own_part(run_page(hostile))
    assert "<script>alert" not in page
    assert page.count("<script") == 3
    Elements(page)
    assert "<script" not in notebook_view(hostile)


def test_names_and_words_of_number_formats_go_over_lines(result):
    """No page is wide enough for all thirteen columns on one line each; numbers and shapes stay whole."""
    name, scale = "attention.output.gradient_data_path", "none (floating point)"
    frame = result.dtypes.iloc[:1].assign(tensor=name, scale=scale, shape="8x12x64")
    page = own_part(run_page(dataclasses.replace(result, dtypes=frame)))
    shown = page.partition("Number formats of every tensor")[2]
    assert f'<td class="words">{scale}</td>' in shown
    assert '<th scope="row" class="words">attention.<wbr>output.<wbr>gradient_<wbr>data_<wbr>path</th>' in shown
    assert "<td>8x12x64</td>" in shown


def test_a_run_that_only_timed_and_one_cut_short(make_result):
    timed = own_part(run_page(make_result(steps=0, test_accuracy=None)))
    assert 'id="curves"' not in timed
    assert "Test accuracy" not in timed.partition('class="figures"')[0]
    assert "–" not in timed.partition('class="figures"')[0]
    assert "cut short" in own_part(run_page(make_result(complete=False)))
    assert "cut short" not in timed


def test_warnings_of_the_training_head_the_page(make_result, page):
    assert 'role="alert"' not in own_part(page)
    warned = own_part(run_page(make_result(warnings=["epoch 2: at chance", EVIL])))
    header = warned.partition("</header>")[0]
    assert header.count('role="alert"') == 2
    assert "Warning: epoch 2: at chance." in header
    assert "<script>alert" not in warned
    Elements(warned)


def test_the_page_offers_the_choices_of_a_figure():
    assert "layout.meta?.choices" in SCRIPT


def test_a_page_of_an_empty_result(result):
    tables = (f.name for f in dataclasses.fields(result) if isinstance(getattr(result, f.name), pd.DataFrame))
    empty = {name: getattr(result, name).iloc[:0] for name in tables}
    assert len(empty) > 10
    bare = dataclasses.replace(result, **empty, summary={}, hwconfig={"name": "a"}, workload={"name": "b"}, versions={})
    Elements(own_part(run_page(bare)))
    assert notebook_view(bare).startswith("<div>")
    assert "Phase" in text_of(step_table(PHASES_OF_STEP, bare))


def test_notebook_view_is_small_and_has_the_figures(result):
    view = notebook_view(result)
    assert len(view) < 4000
    assert "87.50 %" in view
    assert "–" not in view
    assert "Weight gradient" in view


def test_terminal_summary_leaves_out_what_is_missing(make_result):
    shown = text_of(summary_table(make_result(test_accuracy=None)))
    assert "Test accuracy" not in shown
    assert "24.6 ms" in shown
    assert "cut short" in text_of(summary_table(make_result(complete=False)))


def test_terminal_phases_add_up(result):
    lines = text_of(step_table(PHASES_OF_STEP, result)).splitlines()
    forward, total = (next(line for line in lines if title in line) for title in ("Forward", "Total"))
    assert [cell.strip() for cell in forward.split("│")[2:5]] == ["300", "150", "24.6 k"]
    assert [cell.strip() for cell in total.split("│")[2:5]] == ["1.20 k", "600", "184 k"]
    assert "100.0 %" in total


def cells(renderable, title):
    line = next(line for line in text_of(renderable).splitlines() if title in line)
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_terminal_critical_path_adds_up_to_the_step(result):
    table = step_table(CRITICAL_PATH, result)
    assert cells(table, "Data gradient") == ["Data gradient", "MAC array", "3", "450", "66.7 %", "10.0 %", "25.0 %"]
    assert cells(table, "Total") == ["Total", "", "12", "1.80 k", "66.7 %", "10.0 %", "100.0 %"]


def test_terminal_traffic_adds_up(result):
    table = step_table(TRAFFIC, result)
    assert cells(table, "Stash ") == ["Stash", "6.00 KiB", "1.00 KiB", "280 pJ", "77.8 %"]
    assert cells(table, "Total") == ["Total", "7.50 KiB", "1.50 KiB", "360 pJ", "100.0 %"]
    titles = [cells(table, name)[0] for name in ("Weights", "Stash ", "Layer gradients", "Weight gradients")]
    assert titles == sorted(titles, key=text_of(table).index)


def test_the_page_has_the_traffic_of_each_phase(result, page):
    grid = TRAFFIC.on_page(result)
    assert list(grid.header[:5]) == ["Class", "Forward, read", "Forward, written", *grid.header[3:5]]
    rows = {row[0]: row[1:] for row in grid.rows}
    assert rows["Stash"] == ["2.00 KiB", "1.00 KiB", "4.00 KiB", "–", "6.00 KiB", "1.00 KiB", "280 pJ", "77.8 %"]
    assert rows["Total"] == ["3.00 KiB", "1.00 KiB", "4.50 KiB", "512 B", "7.50 KiB", "1.50 KiB", "360 pJ", "100.0 %"]
    assert "<h2>DRAM traffic by tensor class</h2>" in own_part(page)


def test_terminal_memories_add_up(result):
    table = step_table(MEMORIES, result)
    assert cells(table, "input") == ["input", "3.91 KiB", "1000 B", "2.4", "12.0 nJ", "75.0 %"]
    assert cells(table, "output") == ["output", "0 B", "0 B", "–", "0 pJ", "0 %"]
    assert cells(table, "Total") == ["Total", "4.88 KiB", "1.46 KiB", "2.462", "16.0 nJ", "100.0 %"]
    wide = {row[0]: row[1:6] for row in MEMORIES.on_page(result).rows}
    assert wide["output"] == ["32.0 KiB", "1", "256 bit", "1", "3"]
    assert wide["Total"] == ["128 KiB", "", "", "", ""]


def test_terminal_roofs_have_every_phase_and_the_step(result):
    table = step_table(ROOFS, result)
    figures = ["8.19 k", "1.00 KiB", "8", "54.6", "307", "17.8 %", "DRAM"]
    assert cells(table, "Weight gradient") == ["Weight gradient", *figures]
    assert cells(table, "Step") == ["Step", *figures]
    wide = {row[0]: dict(zip(ROOFS.on_page(result).header, row, strict=True)) for row in ROOFS.on_page(result).rows}
    assert (wide["Forward"]["MACs"], wide["Forward"]["Cycles"]) == ("4.10 k", "150")
    assert wide["Step"]["Share of limit"] == "17.8 %"


def test_waits_have_their_phases_on_the_page(result):
    operations = result.operations.assign(room_cycles=5)
    waiting = dataclasses.replace(result, operations=operations)
    assert cells(step_table(WAITS, waiting), "room on chip") == ["Before: room on chip", "60"]
    rows = {row[0]: row[1:] for row in WAITS.on_page(waiting).rows}
    assert rows["Before: unit busy"] == ["9", "9", "9", "9", "36"]
    assert rows["DRAM busy with others"] == ["45", "45", "45", "45", "180"]


def test_terminal_hidden_products(result):
    operations = result.operations
    slack = operations.assign(slack_cycles=operations["index"] * 100, beside_serial_path_cycles=50)
    table = step_table(HIDDEN, dataclasses.replace(result, operations=slack))
    assert cells(table, "Holding")[1:3] == ["450", "100.0 %"]
    assert cells(table, "Beside")[1:3] == ["150", "33.3 %"]
    assert cells(table, "Alone")[1:3] == ["360", "100.0 %"]
    assert cells(table, "Exposed")[1:3] == ["90", "25.0 %"]
    assert cells(table, "Hidden")[1:3] == ["270", "75.0 %"]
    assert cells(table, "Least slack")[1] == "600"
    assert cells(table, "Median slack")[1] == "700"


@pytest.mark.parametrize(
    ("table", "title"),
    [
        ("operations", "Critical path"),
        ("operations", "Weight-gradient products: hidden"),
        ("traffic", "DRAM traffic by tensor class"),
        ("memories", "On-chip memories"),
        ("roofline", "Roofline by phase"),
        ("operations", "What operations wait for"),
    ],
)
def test_sections_are_there_as_far_as_they_are_known(page, page_without, table, title):
    heading = f"<h2>{title}</h2>"
    assert heading in own_part(page)
    assert heading not in page_without(table)


@pytest.mark.parametrize(("data_path", "weight_path", "wider"), [(8, 16, True), (16, 16, False), (8, None, False)])
def test_only_a_machine_with_a_wider_gradient_copy_is_said_to_read_it(result, data_path, weight_path, wider):
    roles = {"layer_gradient_data_path": data_path, "layer_gradient_weight_path": weight_path}
    rows = [result.dtypes.iloc[1:2].assign(role=role, bits=bits) for role, bits in roles.items() if bits]
    gradients = dataclasses.replace(result, dtypes=pd.concat([result.dtypes, *rows]))
    assert ("wider copy" in hidden_note(gradients)) == wider
    assert ("wider copy" in own_part(run_page(gradients))) == wider
    assert ("wider copy" in text_of(step_table(HIDDEN, gradients))) == wider


def test_products_that_delay_the_rest_by_little_are_not_a_negative_zero(result):
    changes = {"weight_product_alone_cycles": 100_000, "weight_product_extension_cycles": 100_007}
    beside = result.operations.assign(beside_serial_path_cycles=1)
    overlapped = dataclasses.replace(result, summary=result.summary | changes, operations=beside)
    found = cells(step_table(HIDDEN, overlapped), "Hidden")
    assert found[1:] == ["-7", "-0.007 %", "below 0: others wait for their array or DRAM, too"]


def test_products_that_run_beside_nothing_hold_up_nobody(result):
    changes = {"weight_product_alone_cycles": 100_000, "weight_product_extension_cycles": 100_007}
    alone = result.operations.assign(beside_serial_path_cycles=0)
    serial = dataclasses.replace(result, summary=result.summary | changes, operations=alone)
    assert "nothing runs beside them" in cells(step_table(HIDDEN, serial), "Hidden")[-1]


def test_a_pass_without_training_is_called_one(make_result):
    result = make_result(steps=0)
    forward = result.layers[result.layers["phase"] == "forward"]
    summary = {key: value for key, value in result.summary.items() if key not in ("steps", "epochs")}
    products = dataclasses.replace(result, layers=forward, operations=result.operations.iloc[:3], summary=summary)
    tables = [text_of(table) for table in (summary_table(products), *step_tables(products))]
    assert not any(table.startswith(HIDDEN.title) for table in tables)
    assert tables[1].startswith("Phases of one pass of these products")
    for shown in (*tables, own_part(run_page(products)).partition('id="figure-data"')[0]):
        assert "training step" not in re.sub("<[^>]*>", "", shown)
    assert any(text_of(table).startswith(HIDDEN.title) for table in step_tables(result))


def test_texts_come_in_sequences_and_tokens(make_result):
    counted = {"tokens_per_step": 8192, "tokens_per_s": 1e6, "samples_per_s": 1e3}
    texts = make_result(workload_fields={"network": {"tokens": 256}}, **counted)
    shown = text_of(summary_table(texts))
    for text in ("Sequences per step", "Tokens per step", "8 192", "1.00 M/s", "Sequences per second", "sequences/s"):
        assert text in shown
    assert "mages" not in shown
    assert "Images per step" in text_of(summary_table(make_result()))
