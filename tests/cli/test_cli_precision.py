"""``accelsim precision``: what it writes and says, and what it refuses before any work."""

from __future__ import annotations

import json
import os
import shutil
import signal

import numpy as np
import pandas as pd
import pytest

import accelsim as package
from accelsim.cli.numbers import number_list, step_list
from accelsim.reports.precision.folder import FILES
from accelsim.training.loop import Trainer

OPTIONS = ("--bits", "3-4,8", "--at", "1,last", "--steps", 2)


@pytest.fixture(scope="module")
def study(tmp_path_factory, hwconfig, workload):
    """A study of two steps by the Python function; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("precision") / "study"
    package.precision(hwconfig, workload, bits=[3, 4, 8], at=[1, "last"], steps=2, out=folder)
    return folder


def test_the_command_writes_what_the_function_writes(accelsim, study, hwconfig, workload, tmp_path):
    ran = accelsim("precision", hwconfig, workload, *OPTIONS, "--out", tmp_path / "out")
    assert ran.code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES)
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (study / name).read_bytes(), name
    for said in ("Bits needed by class", "Weight copy", "0.98", "report.html"):
        assert said in ran.out


def test_json_is_the_tables_figures_and_the_default_folder_is_its_own(accelsim, study, hwconfig, workload, tmp_path):
    ran = accelsim("precision", hwconfig, workload, *OPTIONS, "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert found["folder"] == "runs/int8_range_bn-digits_cnn-precision"
    assert (tmp_path / found["folder"] / "report.html").is_file()
    assert (found["steps_looked_at"], found["bits"], found["cosine"]) == ([1, 2], [3, 4, 8], 0.98)
    table = pd.read_csv(study / "precision.csv")
    means = table.groupby(["class", "bits"])["cosine"].agg(["mean", lambda x: np.std(x), "min"])
    assert len(found["classes"]) == len(means)
    for row in found["classes"]:
        expected = means.loc[row["class"], row["bits"]]
        assert [row["mean"], row["sd"], row["least"]] == pytest.approx(list(expected), abs=1e-9)
    needed = pd.read_csv(study / "bits_needed.csv")
    assert [row["bits_needed"] for row in found["bits_needed"]] == [
        None if np.isnan(bits) else bits for bits in needed["bits_needed"]
    ]


def test_the_table_has_whole_numbers_of_bits(study):
    needed = pd.read_csv(study / "bits_needed.csv", dtype=str, keep_default_na=False)
    assert set(needed["bits_needed"]) <= {"", "3", "4", "8"}
    assert not needed["spare_bits"].str.contains(".", regex=False).any()


def test_other_commands_say_that_a_study_is_no_run(accelsim, study, hwconfig, workload):
    for command in (
        ("simulate", hwconfig, workload, "--resume", "--out", study),
        ("evaluate", study),
        ("compare", study, study),
    ):
        ran = accelsim(*command)
        assert ran.code == 2
        assert ran.err.startswith(f"error: {study}: holds a study of precision")


def test_a_float_training_is_looked_at_with_another_machines_quantisers(accelsim, root, hwconfig, workload, tmp_path):
    options = ("--bits", 4, "--at", 1, "--steps", 1, "--quantisers", hwconfig, "--out", tmp_path / "out")
    assert accelsim("precision", root / "hwconfigs" / "fp32.yaml", workload, *options).code == 0
    table = pd.read_csv(tmp_path / "out" / "precision.csv")
    roundings = table.groupby("class")["rounding"].unique()
    assert list(roundings["gradient_data_path"]) == ["stochastic"]
    assert list(roundings["weights"]) == ["nearest"]
    assert set(table["machine_format"]) == {"int8", "int16"}


def test_nothing_is_overwritten_unasked(accelsim, study, hwconfig, workload, tmp_path):
    folder = shutil.copytree(study, tmp_path / "study")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ran = accelsim("precision", hwconfig, workload, "--steps", 1, "--bits", 4, "--out", folder)
    assert ran.code == 2
    assert ran.err == f"error: {folder}: holds hwconfig.yaml already; --force overwrites it\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert accelsim("precision", hwconfig, workload, "--steps", 1, "--bits", 4, "--out", folder, "--force").code == 0
    assert set(pd.read_csv(folder / "precision.csv")["bits"]) == {4}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--bits", "1-8"), "--bits: found 1; allowed are integers of 2 to 24 bits"),
        (("--bits", "8,x"), "--bits: found 'x'; allowed are whole numbers and ranges, as 2-12,16"),
        (("--bits", "9-3"), "--bits: found '9-3', which ends before it begins"),
        (("--bits", "2-"), "--bits: found '2-'; allowed are whole numbers"),
        (("--at", "1,5", "--steps", 4), "--at: found 5; steps go from 1 to 4, the last one"),
        (("--at", "0"), "--at: found 0; steps go from 1 to 528"),
        (("--at", "first"), "--at: found 'first'"),
        (("--at", "1", "--every", 2), "--at and --every both choose steps; give one of them"),
        (("--every", 9, "--steps", 4), "--every must be from 1 to 4, the number of training steps, not 9"),
        (("--cosine", 1), "--cosine must be between 0 and 1, not 1"),
        (("--steps", 0), "steps must be at least 1, not 0"),
        (("--quantisers", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_mistakes_are_named_before_anything_is_written(accelsim, hwconfig, workload, tmp_path, options, said):
    ran = accelsim("precision", hwconfig, workload, "--out", tmp_path / "out", *options)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert said in ran.err
    assert not (tmp_path / "out").exists()


def test_a_topology_has_nothing_to_look_at(accelsim, hwconfig, tmp_path):
    (tmp_path / "products.csv").write_text("Layer, M, N, K,\nfirst, 8, 8, 8,\n")
    ran = accelsim("precision", hwconfig, "products.csv")
    assert (ran.code, ran.err) == (
        2,
        "error: products is a topology, which has nothing to train and so nothing to look at\n",
    )
    assert not (tmp_path / "runs").exists()


def test_lists_of_numbers():
    assert number_list("--bits", "2-4, 8,16-16") == [2, 3, 4, 8, 16]
    assert step_list("--at", "1, 3-5,last") == [1, 3, 4, 5, "last"]
    with pytest.raises(package.UserError, match="at most 10,000 numbers"):
        number_list("--at", "1-99999999")


def _interrupt(monkeypatch, at, times=1):
    """Ctrl-C so often while step ``at`` is under way."""
    step = Trainer._step

    def interrupted(trainer, *arguments):
        if trainer.progress.step == at - 1:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return step(trainer, *arguments)

    monkeypatch.setattr(Trainer, "_step", interrupted)


@pytest.mark.parametrize(("at", "times"), [(3, 1), (4, 2)])
def test_an_interrupted_study_keeps_what_it_looked_at(accelsim, hwconfig, workload, tmp_path, monkeypatch, at, times):
    """The step under way is looked at to its end; a second Ctrl-C leaves out the step that it breaks off."""
    command = ("precision", hwconfig, workload, "--bits", 4, "--at", "1,3,4,6", "--out")
    assert accelsim(*command, "whole", "--steps", 6).code == 0
    _interrupt(monkeypatch, at, times)
    ran = accelsim(*command, "cut", "--steps", 6)
    assert (ran.code, ran.err) == (130, "interrupted; cut has steps 1 and 3\n")
    whole, cut = (pd.read_csv(tmp_path / name / "precision.csv") for name in ("whole", "cut"))
    pd.testing.assert_frame_equal(cut, whole[whole["step"] <= 3])
    assert set(pd.read_csv(tmp_path / "cut" / "histograms.csv")["step"]) == {3}
    assert {path.name for path in (tmp_path / "cut").iterdir()} == set(FILES)
    summaries = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("whole", "cut")]
    assert [(s["complete"], s["steps"], s["steps_looked_at"]) for s in summaries] == [
        (True, 6, [1, 3, 4, 6]),
        (False, 3, [1, 3]),
    ]
    said = "The training was cut short"
    assert [said in (tmp_path / name / "report.html").read_text() for name in ("whole", "cut")] == [False, True]


def test_interrupted_before_a_look_nothing_is_written(accelsim, hwconfig, workload, tmp_path, monkeypatch):
    _interrupt(monkeypatch, 1)
    ran = accelsim("precision", hwconfig, workload, "--bits", 4, "--at", 2, "--steps", 2)
    assert (ran.code, ran.err) == (130, "interrupted\n")
    assert not (tmp_path / "runs").exists()
