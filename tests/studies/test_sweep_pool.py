"""Processes of a sweep end with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def _until(met, seconds=90):
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.1)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_workers_end_with_a_sweep_that_is_killed(root, tmp_path):
    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    options = ["--vary", "optimizer.learning_rate=0.01,0.02", "--epochs", "100000", "--jobs", "2", "--out", tmp_path]
    sweep = subprocess.Popen([sys.executable, "-m", "accelsim", "sweep", *map(str, [*files, *options])])
    try:
        _until(lambda: len(list(tmp_path.glob("points/*/checkpoint.safetensors"))) == 2)  # both train
        children = list(map(int, Path(f"/proc/{sweep.pid}/task/{sweep.pid}/children").read_text().split()))
    finally:
        sweep.kill()
        sweep.wait()
    assert len(children) >= 2
    try:
        _until(lambda: not any(map(_runs, children)), seconds=120)
    finally:
        for pid in filter(_runs, children):
            os.kill(pid, signal.SIGKILL)
