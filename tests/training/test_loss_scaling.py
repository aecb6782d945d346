"""Trainings with loss scaling: what is recorded, stop and resume, evaluation, and what ends them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import safetensors
import safetensors.numpy

import accelsim
from accelsim.errors import UserError
from accelsim.progress import Observer
from accelsim.reports.figures.norms import norms

WORKLOAD = "workloads/digits_cnn.yaml"
MOVING = "numerics.loss_scale={initial: 16777216, backoff: 0.0625, interval: 4}"


def _simulate(root, *settings, hwconfig="fp16_mixed", **options):
    return accelsim.simulate(root / "hwconfigs" / f"{hwconfig}.yaml", root / WORKLOAD, settings=settings, **options)


def _state(folder):
    with safetensors.safe_open(folder / "checkpoint.safetensors", framework="numpy") as file:
        return json.loads(file.metadata()["accelsim"])["scales"].get("loss_scale")


@pytest.mark.parametrize("optimizer", ["{learning_rate: 0.05}", "{kind: adamw, learning_rate: 0.002, clip_norm: 1}"])
def test_stopped_and_resumed_equals_uninterrupted(root, tmp_path, optimizer):
    """The scale moves before the stop and behind it; AdamW's count knows the steps that were skipped."""
    settings = [MOVING, f"optimizer={optimizer}", "micro_batches=2"]
    _simulate(root, *settings, out=tmp_path / "whole", steps=24)
    for stop in (1, 7, 24):
        _simulate(root, *settings, out=tmp_path / "parts", steps=stop, resume=stop > 1)
    one, other = (
        safetensors.numpy.load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts")
    )
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)
    assert _state(tmp_path / "whole") == _state(tmp_path / "parts")
    found = [pd.read_csv(tmp_path / name / "metrics.csv") for name in ("whole", "parts")]
    scales = [table["loss_scale"].tolist() for table in found]
    assert scales[0] == scales[1]
    assert scales[0][0] == 2.0**24
    assert len(set(scales[0][:7])) > 1
    assert len(set(scales[0][7:])) > 1
    assert found[0]["skipped_steps"].tolist() == found[1]["skipped_steps"].tolist()


def test_what_is_recorded(root, tmp_path):
    """A step that was skipped has no gradient norm; the others have that of the gradients without scale."""
    said, observer = [], Observer()
    observer.say = said.append
    result = _simulate(root, MOVING, steps=6, out=tmp_path, observer=observer)
    table = pd.read_csv(tmp_path / "metrics.csv")
    skips = table["skipped_steps"].diff().fillna(table["skipped_steps"]).to_numpy() > 0
    assert skips.tolist() == table["gradient_norm"].isna().tolist()
    assert skips[0]
    assert not skips.all()
    scale = 2.0**24
    for found, skipped in zip(table["loss_scale"], skips, strict=True):
        assert found == scale
        scale = scale / 16 if skipped else scale
    plain = _simulate(root, steps=6).metrics["gradient_norm"]
    assert table["gradient_norm"].dropna().iloc[0] == pytest.approx(plain.iloc[0], rel=0.5)
    last = [text for text in said if text.startswith("epoch")][-1]
    assert f"loss scale {table['loss_scale'].iloc[-1]:.10g}, {table['skipped_steps'].iloc[-1]} steps skipped" in last
    assert _state(tmp_path)["skipped_steps"] == table["skipped_steps"].iloc[-1]
    figure = norms(result)
    assert [trace.name for trace in figure.data][-1] == "Loss scale"
    assert (tmp_path / "report.html").read_text().count("Loss scale") == 3


def test_an_epoch_may_end_with_a_step_that_was_skipped(root):
    said, observer = [], Observer()
    observer.say = said.append
    result = _simulate(root, "numerics.loss_scale.initial=16777216", steps=1, observer=observer)
    assert any("gradient norm not finite" in text for text in said)
    assert np.isnan(result.metrics["gradient_norm"].iloc[-1])
    assert np.isfinite(result.metrics["test_loss"].iloc[-1])


def test_a_static_scale_is_recorded_and_other_machines_have_none(root, tmp_path):
    found = _simulate(root, "numerics.loss_scale=1024", steps=2, out=tmp_path).metrics
    assert found["loss_scale"].tolist() == [1024, 1024]
    assert found["skipped_steps"].tolist() == [0, 0]
    assert _state(tmp_path) is None
    assert "loss_scale" not in _simulate(root, hwconfig="bf16", steps=2).metrics


def test_fp16_loses_gradients_that_a_scale_keeps(root):
    """Of a batch's first layer gradients a good part is below the smallest number."""
    lost = {}
    for scale in ("1", "32768"):
        table = _simulate(root, f"numerics.loss_scale={scale}", steps=44).quantisers
        lost[scale] = table[table["role"].str.startswith("layer_gradient")]["underflowed"].sum()
    assert lost["1"] > 100
    assert lost["32768"] < lost["1"] / 20


def test_evaluated_there_and_elsewhere(root, tmp_path):
    trained = _simulate(root, MOVING, steps=20, out=tmp_path)
    assert accelsim.evaluate(tmp_path).test_accuracy == trained.summary["test_accuracy"]
    for other in ("fp32", "int8_range_bn"):
        found = accelsim.evaluate(tmp_path, hwconfig=root / "hwconfigs" / f"{other}.yaml")
        assert np.isfinite(found.test_loss)


RATE = "optimizer={learning_rate: 1000, weight_decay: 0}"
ENDS = {
    "lowest": (
        ["numerics.loss_scale={initial: 4194304, minimum: 1048576}"],
        "gradients are not finite at the lowest loss scale, 1048576, in step 2; a lower learning rate or "
        r"numerics\.loss_scale\.minimum may help$",
    ),
    "accumulators": (
        ["numerics.loss_scale={initial: 1048576, minimum: 1048576}", "mac_array.accumulators.weight_gradient=fp16"],
        "the lowest loss scale, 1048576, in step 0; the fp16 accumulators of .*/weight_gradient/.* overflowed",
    ),
    "forward": ([RATE], r"logits are not finite in step \d+; a lower learning rate may help$"),
    "static": (
        ["numerics.loss_scale=67108864"],
        r"logits are not finite in step 1; a lower learning rate or numerics\.loss_scale may help$",
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_ends_a_training(root, case):
    settings, error = ENDS[case]
    with pytest.raises(UserError, match=f"^training diverged: .*{error}"):
        _simulate(root, *settings, steps=40)
