"""Training with integer master weights: stop and resume, learning, and whose checkpoint it is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import accelsim
from accelsim.errors import UserError

ARGUMENTS = ("hwconfigs/int8_range_bn.yaml", "workloads/digits_cnn.yaml")
INTEGERS = [
    "numerics.master_weight={format: int16, rounding: stochastic}",
    "numerics.optimizer_state={format: int16, rounding: stochastic}",
    "numerics.weight_gradient={format: int16, scale_form: power_of_two}",
    "update_unit.learning_rate=power_of_two",
]


def _train(root, out=None, settings=INTEGERS, **options):
    return accelsim.simulate(*(root / path for path in ARGUMENTS), out=out, settings=settings, **options)


def _read(folder):
    path = folder / "checkpoint.safetensors"
    with safetensors.safe_open(path, framework="numpy") as file:
        described = json.loads(file.metadata()["accelsim"])
    return safetensors.numpy.load_file(path), described["scales"]["fixed_point"]


def test_stopped_and_resumed_equals_uninterrupted(root, tmp_path):
    _train(root, tmp_path / "whole", steps=50)
    _train(root, tmp_path / "parts", steps=20)
    halfway = _read(tmp_path / "parts")[1]
    _train(root, tmp_path / "parts", steps=50, resume=True)
    (first, exponents), (second, others) = _read(tmp_path / "whole"), _read(tmp_path / "parts")
    assert exponents == others == halfway
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
        integer = "running" not in name
        assert value.dtype == (np.int16 if integer else np.float32), name
        assert (name in exponents) == integer


def test_another_learning_rate_form_is_another_run(root, tmp_path):
    _train(root, tmp_path / "run", steps=2)
    with pytest.raises(UserError, match="belongs to another run"):
        _train(root, tmp_path / "run", INTEGERS[:-1], steps=4, resume=True)


def test_learns_the_digits(root):
    """As the fp32 update does in as many epochs, see ``test_determinism``."""
    assert _train(root, epochs=3).summary["test_accuracy"] >= 0.95
