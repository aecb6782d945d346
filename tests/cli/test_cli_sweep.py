"""``accelsim sweep``."""

from __future__ import annotations

import json

import pandas as pd
import pytest

VARY = ["--vary", "dram.channels=1,2", "--vary", "mac_array.rows+mac_array.columns=16,32"]


TINY = """
name: tiny
batch_size: 8
epochs: 1
dataset: {kind: digits}
optimizer: {learning_rate: 0.1}
network: {input_shape: [8, 8, 1], classes: 10, layers: [flatten, linear: {units: 10}]}
"""


@pytest.fixture
def swept(accelsim, hwconfig, tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")

    def run(*options):
        return accelsim("sweep", hwconfig, "tiny.yaml", "--timing-only", "--jobs", 1, *options)

    return run


def test_tables_page_and_json(swept, tmp_path):
    shown = swept(*VARY, "--out", "out", "--frontier", "time_per_step_s,total_area_um2")
    assert shown.code == 0
    assert "Frontier of time per step and area" in shown.out
    assert "out/report.html" in shown.out
    table = pd.read_csv(tmp_path / "out" / "sweep.csv", keep_default_na=False)
    assert table["dram.channels"].tolist() == [1, 1, 2, 2]
    assert table["mac_array.rows+mac_array.columns"].tolist() == [16, 32, 16, 32]
    printed = json.loads(swept(*VARY, "--out", "out", "--resume", "--json").out)
    assert [row["total_cycles"] for row in printed["points"]] == table["total_cycles"].tolist()
    assert {row["point"] for row in printed["frontier"]} <= {1, 2, 3, 4}


def test_the_default_folder(swept, tmp_path):
    taken = tmp_path / "runs" / "sweep-int8_range_bn-tiny"
    taken.mkdir(parents=True)
    assert swept("--vary", "dram.channels=1").code == 0
    assert not list(taken.iterdir())
    assert (tmp_path / "runs" / "sweep-int8_range_bn-tiny-2" / "sweep.csv").exists()


def test_a_run_folder_is_not_overwritten(accelsim, swept, hwconfig):
    assert accelsim("simulate", hwconfig, "tiny.yaml", "--timing-only", "--out", "run").code == 0
    shown = swept(*VARY, "--out", "run")
    assert shown.code == 2
    assert "holds a run (summary.json), which no sweep may overwrite" in shown.err
    assert swept(*VARY, "--out", "run", "--force").code == 2


def test_a_frontier_of_figures_that_no_run_has_loses_nothing(swept, tmp_path):
    shown = swept(*VARY, "--out", "out", "--frontier", "tokens_per_s,total_cycles")
    assert shown.code == 2
    assert "the sweep has no figure 'tokens_per_s'" in shown.err
    assert (tmp_path / "out" / "report.html").exists()


def test_more_trials_than_points_are_said_to_be_all(swept):
    pytest.importorskip("optuna")
    shown = swept("--vary", "dram.channels=1,2", "--trials", 9, "--out", "out")
    assert shown.code == 0
    assert "the grid has 2 points; all are run" in shown.err


def test_exit_2_only_where_every_point_is_refused(swept):
    small = "buffers.output.capacity_bytes=64B"
    some = swept("--vary", f"{small},256KiB", "--out", "some")
    assert some.code == 0
    assert "1 refused:" in some.out
    assert "does not fit" in some.out
    every = swept("--vary", small, "--out", "every")
    assert every.code == 2
    assert "error: every point was refused:" in every.err
    assert "does not fit" in every.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--vary", "mac_array.rwos=1,2"], "did you mean 'rows'?"),
        ([*VARY, "--frontier", "time_per_step_s"], "two columns are wanted"),
        ([*VARY, "--frontier", "time,energy_per_step_pj"], "no figure 'time' (did you mean 'time_per_step_s'?)"),
        ([*VARY, "--frontier", "total_cycles,total_cycles"], "two columns are wanted"),
        ([*VARY, "--trials", 2, "--minimise", "area"], "--minimise: no figure 'area' (did you mean 'total_area_um2'?)"),
        ([*VARY, "--seeds=-1"], "--seeds: found '-1'; allowed are whole numbers and ranges"),
        ([*VARY, "--steps", 0], "--steps: at least 1 is wanted, not 0"),
        ([*VARY, "--steps", 3], "no figure depends on --steps"),
        ([*VARY, "--epochs", 3], "no figure depends on --epochs"),
        ([*VARY, "--data", "there"], "no figure depends on --data"),
        (["--vary", "batch_size=[3,3"], "--vary batch_size=[3,3: the value is not valid YAML"),
        (
            ["--vary", "buffers.input.capacity_bytes=64KiB,65536"],
            "the value 65536 stands twice, as 64KiB before",
        ),
        ([*VARY, "--frontier", "test_accuracy,energy_per_step_pj"], "leave --timing-only out"),
        ([*VARY, "--seeds", "one"], "--seeds: found 'one'; allowed are whole numbers and ranges"),
        ([*VARY, "--seeds", 1], "--seeds: a number says how many, and two or more are wanted, as 3 or 1,2,3; found 1"),
        ([*VARY, "--seeds", "4,4"], "--seeds: a seed stands twice"),
        ([], "give --vary"),
    ],
)
def test_mistakes_leave_nothing_behind(swept, tmp_path, options, expected):
    shown = swept(*options)
    assert shown.code == 2
    assert shown.err.startswith("error: ")
    assert expected in shown.err
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_sweep_says_how_it_goes_on(swept, monkeypatch):
    from accelsim.studies.sweep.runner import PointRunner

    run, ran = PointRunner.run, []

    def stopping(self, *task):
        ran.append(task)
        if len(ran) == 3:
            raise KeyboardInterrupt
        return run(self, *task)

    monkeypatch.setattr(PointRunner, "run", stopping)
    shown = swept(*VARY, "--out", "out")
    assert (shown.code, shown.err) == (130, "interrupted; 2 points are kept; out goes on with --resume\n")
    assert swept(*VARY, "--out", "out", "--resume").code == 0
    assert len(ran) == 5
