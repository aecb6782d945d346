"""A machine and a network small enough to be timed by the dozen."""

from __future__ import annotations

from pathlib import Path

import pytest

TINY = """
name: tiny
batch_size: 16
epochs: 1
dataset: {kind: digits}
optimizer: {learning_rate: 0.1}
network:
  input_shape: [8, 8, 1]
  classes: 10
  layers:
    - conv2d: {filters: 8, kernel: 3, padding: 1}
    - batch_norm
    - flatten
    - linear: {units: 10}
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("workload") / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def int8(root) -> Path:
    return root / "hwconfigs" / "int8_range_bn.yaml"
