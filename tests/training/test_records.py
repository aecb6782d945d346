"""Recording a training: it changes no bit, costs no random number, and survives a stop."""

from __future__ import annotations

import copy
import io

import numpy as np
import pandas as pd
import pytest

from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.progress import Observer
from accelsim.training import Trainer, initial_state
from accelsim.training.checkpoint import save_checkpoint
from accelsim.training.datasets import read_dataset
from accelsim.training.loop import fresh_checkpoint
from accelsim.training.records import Records

MACHINES = {
    "int8": ("int8_range_bn", []),
    "per channel, affine": (
        "int8_range_bn",
        ["numerics.weight.granularity=per_channel", "numerics.activation.affine=true"],
    ),
    "one pass": (
        "int8_range_bn",
        ["numerics.activation.scale=delayed", "numerics.layer_gradient_data_path.scale=running"],
    ),
    "fp32": ("fp32", []),
    "mxfp8": ("mxfp8", []),
    "flexpoint": ("flexpoint", []),
}
STEPS = 7


@pytest.fixture(scope="module")
def train(root):
    """Trains the digits from a checkpoint, or from the start; returns the trainer and what it left."""
    workload = load_workload(root / "workloads" / "digits_cnn.yaml")
    dataset = read_dataset(workload, None)

    def run(machine, steps=STEPS, start=None, **options):
        name, settings = MACHINES[machine]
        recipe, network = load_hwconfig(root / "hwconfigs" / f"{name}.yaml", settings).recipe(), workload.build()
        if start is None:
            parameters = network.trace(recipe, workload.optimizer, workload.batch_size).parameters
            start = fresh_checkpoint(initial_state(parameters, 1, recipe), "", {})
        trainer = Trainer(network, recipe, options.pop("workload", workload), dataset, start, steps=steps, **options)
        return trainer, trainer.run()

    run.workload = workload
    return run


def _bytes(training, path):
    save_checkpoint(training.checkpoint, path)
    return path.read_bytes()


def _steps(training):
    return [row["step"] for row in training.checkpoint.progress.rows]


def _table(training):
    return pd.read_csv(io.StringIO(training.records.quantisers.text()))


@pytest.mark.parametrize("machine", MACHINES)
def test_recording_changes_no_bit(train, machine, tmp_path):
    _, plain = train(machine)
    _, recorded = train(machine, records=Records(None, 2))
    assert _bytes(plain, tmp_path / "plain") == _bytes(recorded, tmp_path / "recorded")
    table = _table(recorded)
    assert list(table["step"].unique()) == ([] if machine == "fp32" else [2, 4, 6, 7])
    assert _table(plain).equals(table[table["step"] == STEPS].reset_index(drop=True).astype(_table(plain).dtypes))


def test_both_copies_of_a_gradient_are_there_and_the_wider_is_nearer(train):
    _, found = train("int8", records=Records(None, 3))
    table = _table(found).set_index(["layer", "role", "step"]).loc["conv2d2"]
    narrow, wide = (table.loc[f"layer_gradient_{path}_path"] for path in ("data", "weight"))
    assert {*table.index.get_level_values("role")} >= {
        "weight",
        "layer_gradient_data_path",
        "layer_gradient_weight_path",
    }
    assert (narrow["cosine"] < wide["cosine"]).all()
    assert (narrow["effective_bits"] < wide["effective_bits"]).all()
    assert np.allclose(narrow["largest_magnitude"], wide["largest_magnitude"])
    assert (narrow["largest_magnitude"] / narrow["scale_factor"]).to_numpy() == pytest.approx(127)
    assert (wide["largest_magnitude"] / wide["scale_factor"]).to_numpy() == pytest.approx(32767)


@pytest.mark.parametrize("stop", [4, 5])
def test_a_run_in_parts_has_the_rows_of_a_run_in_one(train, tmp_path, stop):
    """It stops at a step that is recorded anyway, or at one that is not; what is beyond the checkpoint goes."""
    trainer, whole = train("int8", records=Records(None, 2))
    _, first = train("int8", steps=stop, records=Records(tmp_path, 2))
    assert _table(first)["step"].max() == stop
    with open(tmp_path / "quantisers.csv", "a") as file:
        file.write("6,conv2d1.input,conv2d1,activation,int8,1,1.0,1.0,0,0.0,0,0.0,9.0,1.0,1.0\n6,conv2d1.wei")
    _, second = train("int8", start=copy.deepcopy(first.checkpoint), records=Records(tmp_path, 2))
    assert second.records.quantisers.text() == whole.records.quantisers.text()
    assert (tmp_path / "quantisers.csv").read_text() == whole.records.quantisers.text()
    assert _bytes(second, tmp_path / "parts") == _bytes(whole, tmp_path / "whole")
    speed = pd.read_csv(tmp_path / "speed.csv")
    assert speed["step"].tolist() == _steps(whole)
    assert (speed["samples"] == trainer.batch).all()


@pytest.mark.parametrize(("stop", "steps", "rows"), [(5, 7, 3), (11, 13, 5)])
def test_a_run_that_goes_on_has_the_rows_of_its_own_length(train, tmp_path, monkeypatch, stop, steps, rows):
    """It logs fewer steps than its first part alone, or as many; where that ended, no row may stand."""
    monkeypatch.setattr("accelsim.training.loop.LOGGED_ROWS", rows)
    _, whole = train("int8", steps=steps)
    _, first = train("int8", steps=stop, records=Records(tmp_path))
    _, second = train("int8", steps=steps, start=copy.deepcopy(first.checkpoint), records=Records(tmp_path))
    assert stop in _steps(first)
    assert stop not in _steps(whole)
    assert _bytes(second, tmp_path / "parts") == _bytes(whole, tmp_path / "whole")
    assert pd.read_csv(tmp_path / "speed.csv")["step"].tolist() == _steps(whole)


def test_rows_of_several_steps_stay(train, monkeypatch):
    monkeypatch.setattr("accelsim.training.loop.LOGGED_ROWS", 3)
    _, first = train("int8", steps=8)
    _, second = train("int8", steps=13, start=copy.deepcopy(first.checkpoint))
    assert _steps(first) == [2, 4, 6, 8]
    assert _steps(second) == [2, 4, 6, 8, 12, 13]
    before, after = (each.checkpoint.progress.rows[3] for each in (first, second))
    assert {**before, "test_accuracy": None, "test_loss": None} == after


def test_metrics_of_each_step(train):
    trainer, found = train("int8")
    rows = found.checkpoint.progress.rows
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert all(round(row["train_accuracy"] * trainer.batch, 9).is_integer() for row in rows)
    assert all(row["gradient_norm"] > 0 and row["weight_norm"] > 0 for row in rows)
    assert rows[0]["weight_norm"] != rows[-1]["weight_norm"]


def test_a_network_that_learns_nothing_is_told_once(train):
    said = []
    observer = Observer()
    observer.say = said.append
    still = train.workload.optimizer.model_copy(update={"learning_rate": 1e-9})
    workload = train.workload.model_copy(update={"optimizer": still, "epochs": 3})
    train("int8", steps=None, workload=workload, observer=observer)
    warned = [text for text in said if text.startswith("warning: ") and "chance" in text]
    assert len(warned) == 1
    assert warned[0].startswith("warning: epoch 2: training accuracy is that of chance")
    assert [text.split(":")[0] for text in said if text.startswith("epoch")] == ["epoch 1", "epoch 2", "epoch 3"]
