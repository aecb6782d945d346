"""``accelsim evaluate``: the figures of the training's end, other machines, and what is refused."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
import safetensors.numpy

import accelsim as package


@pytest.fixture
def copied(run_folder, tmp_path):
    """A finished run of two steps that a test may change."""
    return shutil.copytree(run_folder, tmp_path / "run")


def test_the_figures_are_those_that_training_ended_with(accelsim, run_folder):
    found = json.loads(accelsim("evaluate", run_folder, "--json").out)
    last = pd.read_csv(run_folder / "metrics.csv").iloc[-1]
    assert (found["test_accuracy"], found["test_loss"]) == (last["test_accuracy"], last["test_loss"])
    assert (found["trained_test_accuracy"], found["trained_test_loss"]) == (last["test_accuracy"], last["test_loss"])
    assert (found["test_images"], found["steps"], found["calibration_images"]) == (360, 2, 0)


@pytest.mark.parametrize("options", [(), ("--backend", "numpy")])
def test_files_and_a_checkpoint_do_as_well(accelsim, run_folder, hwconfig, workload, options):
    checkpoint = run_folder / "checkpoint.safetensors"
    files = json.loads(accelsim("evaluate", hwconfig, workload, "--weights", checkpoint, "--json", *options).out)
    folder = json.loads(accelsim("evaluate", run_folder, "--json").out)
    assert {**files, "backend": ""} == {**folder, "weights": str(checkpoint), "backend": ""}


def test_a_table_for_people(accelsim, run_folder, root, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    ran = accelsim("evaluate", run_folder, "--hwconfig", root / "hwconfigs" / "gemmini.yaml")
    assert ran.code == 0
    assert "digits_cnn on gemmini" in ran.out
    assert "360 test images" in ran.out
    assert "2 training steps, on the machine that trained" in ran.out


def test_nothing_is_written(accelsim, copied):
    before = {path: path.stat().st_mtime_ns for path in copied.iterdir()}
    assert accelsim("evaluate", copied).code == 0
    assert {path: path.stat().st_mtime_ns for path in copied.iterdir()} == before


def test_initial_weights_of_the_workload(accelsim, run_folder, hwconfig, workload, tmp_path):
    """As an imported network has them: values by name, and no ranges."""
    tensors = safetensors.numpy.load_file(run_folder / "checkpoint.safetensors")
    values = {name: value for name, value in tensors.items() if not name.endswith(".momentum")}
    safetensors.numpy.save_file(values, tmp_path / "values.safetensors")
    named = tmp_path / "named.yaml"
    named.write_text(workload.read_text() + "initial_weights: values.safetensors\n")
    found = json.loads(accelsim("evaluate", hwconfig, named, "--calibration-images", 300, "--json").out)
    assert (found["calibration_images"], found["steps"], found["trained_test_loss"]) == (300, 0, None)
    assert found["test_loss"] == pytest.approx(package.evaluate(run_folder).test_loss, rel=0.02)


def test_what_is_refused(accelsim, copied, hwconfig, workload, root, tmp_path):
    def error(*arguments):
        ran = accelsim("evaluate", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "Traceback" not in ran.err
        return ran.err

    checkpoint = copied / "checkpoint.safetensors"
    assert error("nope") == "error: nope: there is no such folder\n"
    assert error(hwconfig).startswith(f"error: {hwconfig}: is a file, not a run folder")
    assert "is no run folder (no checkpoint.safetensors)" in error(tmp_path)
    assert "and got 3 files" in error("a", "b", "c")
    assert "and got 2 files and --hwconfig" in error(hwconfig, workload, "--hwconfig", hwconfig)
    assert "evaluate needs weights" in error(hwconfig, workload)
    assert error(hwconfig, workload, "--weights", "w") == "error: w: there is no such file\n"
    assert "not a safetensors file" in error(hwconfig, workload, "--weights", workload)
    assert "calibration images must be at least 1, not 0" in error(copied, "--calibration-images", 0)
    vit = root / "workloads" / "digits_vit.yaml"
    assert f"{checkpoint}: holds another network: it has no " in error(hwconfig, vit, "--weights", checkpoint)
    wider = ("--set", "network.layers.0.conv2d.filters=17")
    assert "conv2d1.weight has shape [16, 3, 3, 1], and the workload's [17, 3, 3, 1]" in error(copied, *wider)
    assert "takes no folder" in error(copied, "--data", ".")
    (copied / "hwconfig.yaml").unlink()
    assert f"its training is not finished; give HWCONFIG WORKLOAD --weights {checkpoint}" in error(copied)
    checkpoint.write_bytes(checkpoint.read_bytes()[:4000])
    assert "not a safetensors file that can be read" in error(hwconfig, workload, "--weights", checkpoint)
    checkpoint.unlink()
    assert "holds a run that was only timed" in error(copied)


def test_a_network_with_more_layers_is_another_one(accelsim, copied, hwconfig, workload):
    path = copied / "checkpoint.safetensors"
    tensors = safetensors.numpy.load_file(path)
    safetensors.numpy.save_file({**tensors, "conv2d9.weight": tensors["conv2d1.weight"]}, path)
    ran = accelsim("evaluate", hwconfig, workload, "--weights", path)
    assert ran.code == 2
    assert "holds another network: the workload has no conv2d9.weight" in ran.err
