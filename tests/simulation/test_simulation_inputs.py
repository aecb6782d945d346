"""What the library's functions refuse, given objects instead of files."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.simulation.folder import check_folder, prepare_folder
from accelsim.simulation.inputs import read_inputs


@pytest.fixture
def digits(root):
    return load_workload(root / "workloads" / "digits_cnn.yaml")


def test_a_workload_object_is_held_against_its_data_set(int8_machine, digits):
    wrong = digits.model_copy(update={"dataset": digits.dataset.model_copy(update={"kind": "cifar10"})})
    with pytest.raises(UserError, match=r"workload digits_cnn: network\.input_shape: found \[8, 8, 1\]"):
        read_inputs(int8_machine, wrong)


def test_overrides_are_applied_and_count_for_the_fingerprint(int8_machine, digits):
    plain = read_inputs(int8_machine, digits)
    assert read_inputs(int8_machine, digits, epochs=3).workload.epochs == 3
    assert read_inputs(int8_machine, digits, seed=7).fingerprint != plain.fingerprint
    moved = digits.model_copy(update={"dataset": digits.dataset.model_copy(update={"folder": "elsewhere"})})
    assert read_inputs(int8_machine, moved).fingerprint == plain.fingerprint


def test_a_buffer_too_small_of_a_machine_without_a_file(int8_machine, digits):
    small = int8_machine.buffers.weight.model_copy(update={"capacity_bytes": 16})
    buffers = int8_machine.buffers.model_copy(update={"weight": small})
    with pytest.raises(UserError, match=r"^conv2d2/forward/conv2d does not fit: buffers\.weight\.capacity_bytes is 16"):
        accelsim.simulate(int8_machine.model_copy(update={"buffers": buffers}), digits, timing_only=True)


def test_a_forced_folder_loses_the_marks_of_the_run_before(tmp_path):
    for name in ("summary.json", "checkpoint.safetensors", "notes.txt"):
        (tmp_path / name).touch()
    assert check_folder(tmp_path, resume=True, force=False)
    assert not check_folder(tmp_path, resume=False, force=True)
    prepare_folder(tmp_path, resume=True)
    assert (tmp_path / "summary.json").exists()
    prepare_folder(tmp_path, resume=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_nothing_is_made_by_checking(tmp_path):
    assert not check_folder(tmp_path / "a" / "b", resume=False, force=False)
    assert not list(tmp_path.iterdir())


def test_the_packages_names_are_functions_in_whatever_order_they_are_imported():
    package = importlib.import_module("accelsim.simulation")
    assert callable(package.explain)
    assert callable(package.simulate)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = package.nonsense


def test_hwconfig_and_workload_load_without_tables(root):
    code = (
        "import sys, accelsim\n"
        f"accelsim.load_hwconfig({str(root / 'hwconfigs' / 'fp32.yaml')!r})\n"
        f"accelsim.load_workload({str(root / 'workloads' / 'digits_cnn.yaml')!r})\n"
        "assert not {'pandas', 'plotly', 'pint', 'sklearn', 'simpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_path_and_its_text_are_the_same(root):
    path = root / "hwconfigs" / "fp32.yaml"
    assert load_hwconfig(str(path)) == load_hwconfig(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"settings": "batch_size=16"}, r"settings: a list of texts is wanted, as \['numerics"),
        ({"track": "tensorboard"}, r"track: a list of texts is wanted, as \['tensorboard'\], not 'tensorboard'"),
        ({"steps": 2.5}, "steps: a whole number is wanted, not 2.5"),
        ({"epochs": "3"}, "epochs: a whole number is wanted, not '3'"),
        ({"seed": 1.0}, "seed: a whole number is wanted, not 1.0"),
        ({"quantisers_every": "all"}, "quantisers_every: a whole number is wanted, not 'all'"),
    ],
)
def test_options_of_another_kind_are_named(int8_machine, digits, options, said):
    with pytest.raises(UserError, match=f"^{said}"):
        accelsim.simulate(int8_machine, digits, **options)


def test_whole_numbers_of_numpy_are_python_s_own(int8_machine, digits, tmp_path):
    options = {"seed": 3, "epochs": 1, "steps": 1, "quantisers_every": 1}
    plain = accelsim.simulate(int8_machine, digits, out=tmp_path / "plain", **options)
    options = {name: np.int64(value) for name, value in options.items()}
    found = accelsim.simulate(int8_machine, digits, out=tmp_path / "numpy", **options)
    assert found.workload == plain.workload
    assert found.summary["test_loss"] == plain.summary["test_loss"]
    assert json.loads((tmp_path / "numpy" / "summary.json").read_text())["seed"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": True}, "steps: a whole number is wanted, not True"),
        ({"seed": 1.0}, r"seed: a whole number is wanted, not 1\.0"),
        ({"resume": True}, "resume: a training goes on in its run folder; give out, too"),
        ({"settings": {"batch_size": 16}}, r"settings: a list of texts is wanted, as \['numerics\.activation\.format"),
    ],
)
def test_options_that_python_alone_can_give(int8_machine, digits, options, message):
    with pytest.raises(UserError, match=message):
        accelsim.simulate(int8_machine, digits, **options)
