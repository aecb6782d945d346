"""Same seed, same bits: stop and resume, threads, batch split of the evaluation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy
from threadpoolctl import threadpool_limits

import accelsim
from accelsim.errors import UserError

ARGUMENTS = ("hwconfigs/int8_range_bn.yaml", "workloads/digits_cnn.yaml")


def _tensors(folder):
    return safetensors.numpy.load_file(folder / "checkpoint.safetensors")


def _assert_same_run(one, other):
    first, second = _tensors(one), _tensors(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    for table in ("metrics.csv", "quantisers.csv"):
        assert (one / table).read_bytes() == (other / table).read_bytes()


def test_stopped_and_resumed_equals_uninterrupted(root, tmp_path):
    paths = [root / path for path in ARGUMENTS]
    accelsim.simulate(*paths, out=tmp_path / "whole", steps=60)
    accelsim.simulate(*paths, out=tmp_path / "parts", steps=25)
    resumed = accelsim.simulate(*paths, out=tmp_path / "parts", steps=60, resume=True)
    assert resumed.summary["steps"] == 60
    assert any(v.any() for name, v in _tensors(tmp_path / "whole").items() if name.endswith(".momentum"))
    _assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_augmented_run_stopped_within_an_epoch_and_resumed_with_other_threads(root, tmp_path):
    """44 steps are an epoch; 25 are not. Threads load ahead of the stop; AdamW counts steps from the first."""
    paths = [root / path for path in ARGUMENTS]
    common = [
        "dataset.augmentation={crop_padding: 1, flip: 0.5}",
        "optimizer={kind: adamw, learning_rate: 0.002, weight_decay: 0.05}",
        "loss.label_smoothing=0.1",
    ]
    for out, steps, workers, resume in (("whole", 50, 0, False), ("parts", 25, 3, False), ("parts", 50, 1, True)):
        settings = [*common, f"dataset.workers={workers}"]
        accelsim.simulate(*paths, out=tmp_path / out, steps=steps, resume=resume, settings=settings)
    first, second = _tensors(tmp_path / "whole"), _tensors(tmp_path / "parts")
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    accelsim.simulate(*paths, out=tmp_path / "plain", steps=50, settings=common[1:])
    assert any((value != first[name]).any() for name, value in _tensors(tmp_path / "plain").items())


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_bits(root, tmp_path):
    command = [sys.executable, "-m", "accelsim", "simulate", *ARGUMENTS, "--epochs", "3", "--json", "--out"]
    subprocess.run([*command, tmp_path / "whole"], cwd=root, check=True, capture_output=True)
    victim = subprocess.Popen([*command, tmp_path / "killed"], cwd=root, stdout=subprocess.DEVNULL)
    checkpoint = tmp_path / "killed" / "checkpoint.safetensors"
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert checkpoint.exists()
    assert not (tmp_path / "killed" / "summary.json").exists()
    subprocess.run([*command, tmp_path / "killed", "--resume"], cwd=root, check=True, capture_output=True)
    _assert_same_run(tmp_path / "whole", tmp_path / "killed")


def test_threads_change_no_bit(root, tmp_path):
    """Those of BLAS and of the compiled kernels."""
    paths = [root / path for path in ARGUMENTS]
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"), pytest.MonkeyPatch.context() as patch:
            patch.setenv("OMP_NUM_THREADS", str(threads))
            accelsim.simulate(*paths, out=tmp_path / str(threads), steps=30)
    _assert_same_run(tmp_path / "1", tmp_path / "2")


@pytest.mark.slow
@pytest.mark.parametrize("hwconfig", ["int8_range_bn", "fp32"])
def test_thread_count_changes_no_bit(root, tmp_path, hwconfig):
    """As a user sets it, for the process."""
    for threads in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-m", "accelsim", "simulate", f"hwconfigs/{hwconfig}.yaml", ARGUMENTS[1]]
        options = ["--steps", "30", "--json", "--out", tmp_path / threads]
        subprocess.run([*command, *options], cwd=root, check=True, capture_output=True, env=environment)
    _assert_same_run(tmp_path / "1", tmp_path / "2")


def test_evaluation_does_not_depend_on_how_images_are_grouped(root, monkeypatch):
    paths = [root / path for path in ARGUMENTS]
    rows = []
    for size in (256, 7):
        monkeypatch.setattr("accelsim.training.evaluation.EVALUATION_BATCH", size)
        rows.append(accelsim.simulate(*paths, steps=20).metrics.iloc[-1])
    assert rows[0]["test_accuracy"] == rows[1]["test_accuracy"]
    # The loss of each group is one fp32 mean, so only its last bits may move.
    assert rows[0]["test_loss"] == pytest.approx(rows[1]["test_loss"], rel=1e-6)


def test_another_seed_gives_other_bits(root):
    paths = [root / path for path in ARGUMENTS]
    losses = {seed: accelsim.simulate(*paths, steps=2, seed=seed).metrics["train_loss"].iloc[-1] for seed in (1, 2)}
    assert losses[1] != losses[2]


def test_checkpoint_of_another_run_is_refused(root, tmp_path):
    paths = [root / path for path in ARGUMENTS]
    accelsim.simulate(*paths, out=tmp_path / "run", steps=2)
    with pytest.raises(UserError, match="belongs to another run"):
        accelsim.simulate(*paths, out=tmp_path / "run", steps=4, resume=True, seed=9)


def test_learns_the_digits(root):
    """The int8 machine on half of the recipe's epochs; the whole recipe reaches 99 %."""
    result = accelsim.simulate(*(root / path for path in ARGUMENTS), epochs=3)
    assert result.summary["test_accuracy"] >= 0.95
