"""Save and load: exact, deterministic, and clear about what is wrong."""

import dataclasses
import json
import math
from enum import StrEnum

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.reports import run_folder
from accelsim.reports.notebook import notebook_view
from accelsim.reports.plain import from_json, plain, to_json
from accelsim.reports.run_folder import load, save
from accelsim.reports.schema import METRICS
from accelsim.reports.tables import from_csv, to_csv

TABLES = (
    "layers",
    "operations",
    "metrics",
    "dtypes",
    "model_size",
    "quantisers",
    "speed",
    "mapping",
    "traffic",
    "memories",
    "roofline",
)
FILES = {
    "hwconfig.yaml",
    "workload.yaml",
    "layers.csv",
    "layers.parquet",
    "operations.csv",
    "trace.json.gz",
    "metrics.csv",
    "dtypes.csv",
    "model_size.csv",
    "mapping.csv",
    "traffic.csv",
    "memories.csv",
    "roofline.csv",
    "quantisers.csv",
    "speed.csv",
    "versions.json",
    "report.html",
    "summary.json",
}


def assert_equal(found, expected):
    for field in ("hwconfig", "workload", "summary", "versions"):
        assert getattr(found, field) == getattr(expected, field)
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(found, table), getattr(expected, table), check_exact=True)
    assert found.trace == expected.trace


def test_round_trip_is_exact(result, tmp_path):
    folder = save(result, tmp_path / "deep" / "run")
    assert {item.name for item in folder.iterdir()} == FILES == set(run_folder.FILES) - {"runs_as.yaml"}
    assert_equal(load(str(folder)), result)


def test_the_machine_that_a_run_ran_as_goes_with_it(result, tmp_path):
    lesser = dataclasses.replace(result, runs_as={"name": "lesser", "clock_mhz": 500.0})
    assert load(save(lesser, tmp_path)).runs_as == lesser.runs_as
    assert load(save(result, tmp_path)).runs_as is None
    assert {item.name for item in tmp_path.iterdir()} == FILES


def test_what_is_read_back_shows_itself_in_a_notebook(result, saved):
    assert load(saved)._repr_html_() == notebook_view(result)


def test_what_is_read_back_prints_its_key_figures_alone(saved):
    shown = repr(load(saved))
    assert shown.startswith("<Result of int8 on digits_cnn. ")
    assert "Time per step: " in shown
    assert len(shown) < 500


def test_round_trip_without_training(make_result, tmp_path):
    timed = make_result(steps=0, test_accuracy=None, train_loss=None, complete=False, assumptions=[])
    empty = pd.DataFrame(columns=METRICS).astype(float).astype({"step": int})
    timed = dataclasses.replace(timed, metrics=empty)
    assert_equal(load(save(timed, tmp_path)), timed)


def test_a_step_without_a_trace_writes_none(result, tmp_path):
    folder = save(dataclasses.replace(result, trace=b""), tmp_path)
    assert {item.name for item in folder.iterdir()} == FILES - {"trace.json.gz"}
    assert load(folder).trace == b""


def test_equal_results_give_equal_bytes(make_result, saved, tmp_path):
    again = save(make_result(), tmp_path)
    for name in FILES:
        assert (saved / name).read_bytes() == (again / name).read_bytes(), name


def test_order_of_fields_is_kept_and_json_is_strict(make_result, tmp_path):
    folder = save(make_result(train_loss=math.inf), tmp_path)
    assert next(iter(yaml.safe_load((folder / "hwconfig.yaml").read_text()))) == "name"

    def refuse(text):
        raise AssertionError(text)

    assert json.loads((folder / "summary.json").read_text(), parse_constant=refuse)["train_loss"] == "Infinity"
    assert load(folder).summary["train_loss"] == math.inf


def test_the_summary_is_written_last_and_taken_away_first(result, tmp_path, monkeypatch):
    save(result, tmp_path)

    def fail(_):
        raise RuntimeError("drawing failed")

    monkeypatch.setattr(run_folder, "run_page", fail)
    with pytest.raises(RuntimeError):
        save(result, tmp_path)
    with pytest.raises(UserError, match="not a finished run"):
        load(tmp_path)


def test_no_such_folder(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        load(tmp_path / "file")
    with pytest.raises(UserError, match="cannot be used as a run folder"):
        save(None, tmp_path / "file")


def test_an_unfinished_run_names_resume_only_with_a_checkpoint(tmp_path):
    with pytest.raises(UserError, match="not a finished run") as caught:
        load(tmp_path)
    assert "--resume" not in str(caught.value)
    (tmp_path / "checkpoint.safetensors").touch()
    with pytest.raises(UserError, match="--resume"):
        load(tmp_path)


@pytest.mark.parametrize("name", sorted(FILES - {"layers.csv", "report.html", "trace.json.gz"}))
@pytest.mark.parametrize("content", [b"", b"[1, 2", b"\xff\xfe\x00", b"3\n"])
def test_a_broken_file_is_named(copy, name, content):
    (copy / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        load(copy)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("total_cycles", value) for value in ("many", [1], {"a": 1}, 10**400, "1")),
        ("assumptions", 5),
        ("assumptions", [5]),
        ("hwconfig", 5),
    ],
)
def test_a_summary_of_what_are_no_figures(copy, key, value):
    summary = json.loads((copy / "summary.json").read_text())
    (copy / "summary.json").write_text(json.dumps({**summary, key: value}))
    with pytest.raises(UserError, match=rf"summary.json: broken: {key} is "):
        load(copy)


def test_a_missing_file_and_a_missing_column_are_named(copy):
    (copy / "dtypes.csv").write_text("tensor,role\nx,y\n")
    with pytest.raises(UserError, match=r"dtypes.csv: broken: it has no column layer, phase"):
        load(copy)
    (copy / "dtypes.csv").unlink()
    with pytest.raises(UserError, match=r"dtypes.csv: missing"):
        load(copy)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])), st.floats(), st.integers(0, 2**53)
        ),
        min_size=1,
    )
)
def test_csv_round_trip_of_text_and_numbers(rows):
    frame = pd.DataFrame(rows, columns=["scale", "train_loss", "elements"])
    pd.testing.assert_frame_equal(from_csv(to_csv(frame)), frame, check_exact=True)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text().filter(lambda text: text not in ("NaN", "Infinity", "-Infinity"))
)


@given(st.dictionaries(st.text(), scalars | st.lists(st.integers())))
def test_json_round_trip(summary):
    assert from_json(to_json(summary)) == summary


def test_plain_values():
    class Kind(StrEnum):
        ONE = "one"

    found = plain({Kind.ONE: (np.int64(3), np.float64(0.5), Kind.ONE)})
    assert found == {"one": [3, 0.5, "one"]}
    assert [type(item) for item in found["one"]] == [int, float, str]
