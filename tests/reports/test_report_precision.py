"""Tables and page of a precision study, from data frames alone."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.reports.palette import OTHER
from accelsim.reports.precision.aggregate import ALL_LAYERS, needed_bits
from accelsim.reports.precision.classes import CLASSES, COLOURS, HISTOGRAM_COLUMNS, PRECISION_COLUMNS
from accelsim.reports.precision.figures import FIGURES, draw_precision
from accelsim.reports.precision.page import precision_page
from accelsim.reports.precision.result import PrecisionResult
from accelsim.reports.precision.tables import shape_rows, steps_text
from accelsim.reports.precision.terminal import precision_tables

BITS = (2, 4, 8)


def _row(step, layer, kind, bits, cosine, **others):
    blank = dict.fromkeys(PRECISION_COLUMNS, 0.5)
    names = {"tensor": f"{layer}.{kind}", "machine_format": "int8", "machine_bits": 8, "rounding": "nearest"}
    return {**blank, **names, "step": step, "layer": layer, "class": kind, "bits": bits, "cosine": cosine, **others}


def _table(cosine, steps=(1, 7), layers=("odd<i>", "second"), classes=tuple(CLASSES)):
    rows = [
        _row(step, layer, kind, bits, cosine(step, layer, kind, bits))
        for step in steps
        for layer in layers
        for kind in classes
        for bits in BITS
    ]
    return pd.DataFrame(rows, columns=list(PRECISION_COLUMNS))


def _result(table, histograms=None, **summary):
    known = {"quantisers": "machine", "hwconfig": "machine", "bits": list(BITS), "steps_looked_at": [1, 7]}
    known |= {"cosine": 0.98, "steps": 7, "seed": 1, "test_accuracy": 0.9}
    empty = pd.DataFrame(columns=list(HISTOGRAM_COLUMNS))
    return PrecisionResult(
        hwconfig={"name": "machine"},
        workload={"name": "network"},
        summary={**known, **summary},
        precision=table,
        histograms=empty if histograms is None else histograms,
        metrics=pd.DataFrame(),
        versions={"accelsim": "1"},
    )


cosines = st.lists(st.floats(0, 1), min_size=len(BITS) * 4, max_size=len(BITS) * 4)


@given(cosines, st.floats(0.5, 0.999))
def test_bits_needed_are_the_fewest_from_which_all_are_enough(values, threshold):
    grid = np.array(values).reshape(2, 2, len(BITS))  # step, layer, bits
    layers = ("a", "b")
    table = _table(
        lambda s, y, k, b: grid[(1, 7).index(s), layers.index(y), BITS.index(b)], (1, 7), layers, ["weights"]
    )
    found = needed_bits(table, threshold).set_index("layer")["bits_needed"]
    for name, samples in ((ALL_LAYERS, grid.reshape(4, -1)), ("a", grid[:, 0]), ("b", grid[:, 1])):
        enough = [samples[:, i].mean() - samples[:, i].std() >= threshold + d for i in range(3) for d in (1e-9, -1e-9)]
        if enough[::2] != enough[1::2]:
            continue  # too near to call
        fits = [bits for i, bits in enumerate(BITS) if all(enough[2 * i :: 2])]
        assert found[name] == fits[0] if fits else np.isnan(found[name])


def test_a_tensor_of_zeros_does_not_count():
    table = _table(lambda s, y, k, b: 0.99 if s == 1 else np.nan)
    found = needed_bits(table)
    assert set(found["bits_needed"]) == {2}
    assert set(found[found["layer"] != ALL_LAYERS]["tensors"]) == {1}


def test_spare_bits_are_against_the_machines_format():
    found = needed_bits(_table(lambda s, y, k, b: 1 - 0.2 / b**2)).drop_duplicates("class")
    assert list(found["class"]) == list(CLASSES)
    assert set(found["bits_needed"]) == {4}
    assert set(found["spare_bits"]) == {4}


def test_the_page_draws_every_figure_and_escapes_names():
    edges = np.linspace(-6, 6, 13)
    rows = [
        (7, "odd<i>", f"odd<i>.{kind}", kind, low, low + 1, int(100 * np.exp(-low * low)))
        for kind in CLASSES
        for low in edges[:-1]
    ]
    result = _result(_table(lambda s, y, k, b: 1 - 0.3 / b**2 / s), pd.DataFrame(rows, columns=list(HISTOGRAM_COLUMNS)))
    page = precision_page(result)
    data = json.loads(re.search(r'id="figure-data">(.*?)</script>', page, re.S)[1])
    assert list(data) == [figure.name for figure in FIGURES]
    assert "odd<i>" not in page
    heat = data["needed"]["data"][0]
    assert heat["z"] == [[4.0] * len(CLASSES), [4.0] * len(CLASSES)]
    chosen = data["steps"]["layout"]["meta"]["choices"]
    assert [choice["name"] for choice in chosen] == ["4 bits", "2 bits", "8 bits"]
    for choice in chosen:
        assert [data["steps"]["data"][i]["name"] for i in choice["traces"]] == choice["names"]


def test_a_study_prints_no_table():
    assert repr(_result(_table(lambda s, y, k, b: 1.0))).startswith("<Precision of machine on network: ")


def test_figures_without_data_are_left_out():
    drawn = draw_precision(_result(_table(lambda s, y, k, b: 0.99, steps=(1,))))
    assert [spec.name for spec, _ in drawn] == ["cosine", "lost", "needed"]


def test_means_of_figure_and_terminal_are_the_tables():
    table = _table(lambda s, y, k, b: 0.9 + s / 100 + b / 1000)
    figure = next(figure for spec, figure in draw_precision(_result(table)) if spec.name == "cosine")
    line = next(trace for trace in figure.data if trace.name == "Weights" and trace.mode == "lines+markers")
    assert list(line.y) == pytest.approx([0.94 + bits / 1000 for bits in BITS])
    cells = [list(column.cells) for column in precision_tables(_result(table))[0].columns]
    assert [str(cell) for cell in cells[0]] == ["2", "4", "8"]
    assert [str(cell) for cell in cells[1]] == ["0.942 ± 0.030", "0.944 ± 0.030", "0.948 ± 0.030"]


def test_none_is_enough_is_said():
    result = _result(_table(lambda s, y, k, b: 0.5))
    assert result.bits_needed["bits_needed"].isna().all()
    cells = [str(cell) for cell in precision_tables(result)[1].columns[2].cells]
    assert set(cells) == {"more than 8"}


def test_a_class_names_its_layer_that_needs_most():
    alike = _result(_table(lambda s, y, k, b: 1.0 if b == 8 else 0.9))
    assert {str(cell) for cell in precision_tables(alike)[1].columns[2].cells} == {"8"}
    most = _result(_table(lambda s, y, k, b: 1.0 if b == 8 or y != "odd" else 0.976, layers=("odd", *"abcdefghi")))
    assert {str(cell) for cell in precision_tables(most)[1].columns[2].cells} == {"2; most: 8, odd"}
    assert "needed; most: 8, odd; the machine has" in precision_page(most)


def test_no_class_has_the_colour_of_the_theory():
    assert OTHER not in COLOURS.values()
    for colour in COLOURS.values():
        channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        assert max(channels) - min(channels) > 60  # no grey


def test_shapes_tell_a_gaussian_from_a_peak():
    table = _table(lambda s, y, k, b: 1.0, classes=("weights", "gradient_weight_path"))
    gradient = table["class"] == "gradient_weight_path"
    table["excess_kurtosis"] = np.where(gradient, 80.0, 0.1)
    table["near_zero_share"] = np.where(gradient, 0.8, 0.08)
    assert [row[-1] for row in shape_rows(_result(table))] == ["nearly", "no"]


def test_steps_are_listed_where_they_are_few():
    assert steps_text([3]) == "step 3"
    assert steps_text([1, 2, 44]) == "steps 1, 2 and 44"
    assert steps_text(range(5, 105, 5)) == "20 steps from 5 to 100"
