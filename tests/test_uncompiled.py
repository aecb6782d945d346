"""With NUMBA_DISABLE_JIT, as for a debugger: timing gives the same cycles as Python, and NumPy computes the bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numba
import pytest

import accelsim
from accelsim.datapath import choose_kernels
from accelsim.errors import UserError

FILES = ("hwconfigs/int8_range_bn.yaml", "workloads/digits_cnn.yaml")


def test_a_step_is_timed_to_the_same_cycles(root, tmp_path):
    command = ["-W", "error", "-m", "accelsim", "simulate", *FILES, "--timing-only", "--json", "--log", "quiet"]
    command += ["--out", tmp_path / "run"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    ran = subprocess.run([sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    compiled = accelsim.simulate(*(root / path for path in FILES), timing_only=True)
    assert json.loads(ran.stdout)["total_cycles"] == compiled.summary["total_cycles"]


def test_training_is_on_numpy_which_is_said(monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    said = []
    assert choose_kernels(device="cpu", say=said.append).name == "numpy"
    assert said == ["NUMBA_DISABLE_JIT is set, so nothing compiles: computes on backend numpy"]
    with pytest.raises(UserError, match="backend compiled: NUMBA_DISABLE_JIT is set"):
        choose_kernels("compiled")
    assert choose_kernels("numpy").name == "numpy"
