"""Trained weights on machines that did not train them, and a few of each kind of numerics on their own."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import accelsim
from accelsim.training.calibration import calibrate

WORKLOAD = "workloads/digits_cnn.yaml"
OWN = {
    "stochastic activations": ["numerics.activation.rounding=stochastic"],
    "integer masters": ["numerics.master_weight=int16", "numerics.optimizer_state=int16"],
    "affine": ["numerics.activation={format: uint8, affine: true}"],
    "delayed scales": ["numerics.weight.scale=delayed", "numerics.activation.scale=delayed"],
}


@pytest.fixture(scope="module")
def float_run(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation") / "run"
    accelsim.simulate(root / "hwconfigs" / "fp32_same_macs.yaml", root / WORKLOAD, epochs=2, out=folder)
    return folder


@pytest.mark.parametrize("settings", OWN.values(), ids=OWN)
def test_its_own_machine_gives_the_figures_of_training(root, tmp_path, settings):
    machine = root / "hwconfigs" / "int8_range_bn.yaml"
    accelsim.simulate(machine, root / WORKLOAD, steps=3, out=tmp_path / "run", settings=settings)
    last = pd.read_csv(tmp_path / "run" / "metrics.csv").iloc[-1]
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    by_files = accelsim.evaluate(hwconfig=machine, workload=root / WORKLOAD, weights=checkpoint, settings=settings)
    for found in (accelsim.evaluate(tmp_path / "run"), by_files):
        assert (found.test_accuracy, found.test_loss) == (last["test_accuracy"], last["test_loss"])
        assert found.calibration_images == 0


@pytest.mark.parametrize("machine", ["int8_range_bn", "fp8_hybrid", "mxfp8", "flexpoint", "bf16"])
def test_a_float_network_keeps_its_accuracy_in_8_bits(root, float_run, machine):
    own = accelsim.evaluate(float_run)
    found = accelsim.evaluate(float_run, hwconfig=root / "hwconfigs" / f"{machine}.yaml", calibration_images=512)
    assert found.test_accuracy == pytest.approx(own.test_accuracy, abs=0.02)
    assert found.test_loss != own.test_loss
    assert found.calibration_images == (512 if machine in ("int8_range_bn", "fp8_hybrid", "flexpoint") else 0)
    assert found.trained_test_accuracy == own.test_accuracy


def test_scales_over_blocks_are_calibrated(root, float_run):
    found = accelsim.evaluate(float_run, hwconfig=root / "hwconfigs" / "nvfp4.yaml", calibration_images=512)
    assert found.test_accuracy == pytest.approx(accelsim.evaluate(float_run).test_accuracy, abs=0.05)
    assert found.calibration_images == 512


def test_two_bits_lose_what_eight_keep(root, float_run):
    narrow = ["numerics.weight.format=int2", "numerics.activation.format=int2"]
    found = accelsim.evaluate(float_run, hwconfig=root / "hwconfigs" / "int8_range_bn.yaml", settings=narrow)
    assert found.test_accuracy < accelsim.evaluate(float_run).test_accuracy - 0.1


def test_calibrated_results_do_not_depend_on_how_images_are_grouped(root, float_run, monkeypatch):
    """Ranges are the training images', so the test images' company changes nothing."""
    machine, found = root / "hwconfigs" / "int8_range_bn.yaml", []
    for size in (256, 90):
        monkeypatch.setattr("accelsim.training.evaluation.EVALUATION_BATCH", 256)

        def once(*arguments, size=size, **named):
            made = calibrate(*arguments, **named)
            monkeypatch.setattr("accelsim.training.evaluation.EVALUATION_BATCH", size)
            return made

        monkeypatch.setattr("accelsim.simulation.evaluation.calibrate", once)
        found.append(accelsim.evaluate(float_run, hwconfig=machine))
    assert found[0].test_accuracy == found[1].test_accuracy
    assert found[0].test_loss == pytest.approx(found[1].test_loss, rel=1e-6)


def test_integer_masters_move_to_floats_and_other_widths(root, tmp_path):
    machine, integers = root / "hwconfigs" / "int8_range_bn.yaml", "numerics.{}=int{}"
    wide = [integers.format(name, 16) for name in ("master_weight", "optimizer_state")]
    accelsim.simulate(machine, root / WORKLOAD, epochs=1, out=tmp_path / "run", settings=wide)
    own = accelsim.evaluate(tmp_path / "run")
    for settings in ([], [integers.format(name, 12) for name in ("master_weight", "optimizer_state")]):
        weights = tmp_path / "run" / "checkpoint.safetensors"
        found = accelsim.evaluate(hwconfig=machine, workload=root / WORKLOAD, weights=weights, settings=settings)
        assert found.test_accuracy == pytest.approx(own.test_accuracy, abs=0.02)
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["test_accuracy"] == own.test_accuracy


def test_inverse_spreads_are_turned_over(root, float_run):
    """A machine that keeps 1 / spread takes the weights of one that keeps the spread."""
    plain = accelsim.evaluate(float_run)
    inverse = accelsim.evaluate(float_run, settings=["norm_unit.running_average=inverse"])
    assert inverse.test_loss == pytest.approx(plain.test_loss, rel=1e-4)
