"""Weights files: what the network takes from them, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from accelsim.errors import UserError
from accelsim.formats import FP32, Role, float_recipe
from accelsim.machine import Parameter
from accelsim.training import initial_state
from accelsim.training.initial_weights import is_weights, save_weights, take_weights, weights_digest

PARAMETERS = {
    "a.weight": Parameter("a.weight", (2, 3), Role.WEIGHT, std=1.0),
    "n.running_inverse": Parameter("n.running_inverse", (2,), Role.NORM_STATISTIC, Role.NORM_STATISTIC, fill=1.0),
    "a.weight.velocity": Parameter("a.weight.velocity", (2, 3), Role.OPTIMIZER_STATE, Role.OPTIMIZER_STATE),
    "b.bias": Parameter("b.bias", (3,), Role.BIAS),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


def test_given_values_replace_drawn_ones_and_change_no_other(path, rng):
    weight = rng.standard_normal((2, 3)).astype(np.float32)
    save_weights({"a.weight": weight, "other": np.ones(1)}, path)
    taken = take_weights(path, PARAMETERS)
    assert (taken.drawn, taken.unused) == (["n.running_inverse", "b.bias"], ["other"])
    drawn, found = (initial_state(PARAMETERS, 4, float_recipe(FP32), given) for given in (None, taken.values))
    np.testing.assert_array_equal(found.pop("a.weight"), weight)
    assert not np.array_equal(drawn.pop("a.weight"), weight)
    for name, value in found.items():
        np.testing.assert_array_equal(value, drawn[name])


def test_a_unit_that_keeps_inverses_gets_those_of_the_spreads(path):
    save_weights({"n.running_spread": np.array([2.0, 0.25])}, path)
    taken = take_weights(path, PARAMETERS)
    np.testing.assert_array_equal(taken.values["n.running_inverse"], np.array([0.5, 4.0], np.float32))
    assert taken.unused == []


@pytest.mark.parametrize(
    ("tensors", "fault"),
    [
        ({"other": np.ones(1, np.float32)}, "has no tensor of the network .it has other, not a.weight"),
        ({"a.weight": np.ones((3, 2), np.float32)}, r"a\.weight has shape \[3, 2\], but the network's has \[2, 3\]"),
        ({"b.bias": np.array([1, np.inf, 0], np.float32)}, r"b\.bias holds values that are not finite"),
    ],
)
def test_values_that_do_not_fit_are_refused(path, tensors, fault):
    save_file(tensors, path)
    with pytest.raises(UserError, match=fault):
        take_weights(path, PARAMETERS)


def test_files_are_told_apart(path):
    save_file({"a": np.ones(1, np.float32)}, path)
    assert not is_weights(path)
    foreign = weights_digest(path)
    save_weights({"a": np.ones(1)}, path)
    assert is_weights(path)
    assert weights_digest(path) != foreign
    path.write_text("name: a")
    assert not is_weights(path)
    with pytest.raises(UserError, match="not a safetensors file that can be read"):
        take_weights(path, PARAMETERS)
    with pytest.raises(UserError, match="nothing: cannot be read"):
        weights_digest(path.with_name("nothing"))
