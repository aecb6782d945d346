"""Ranges for a machine that did not train the weights: what they are means of, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, ScaleState
from accelsim.formats import Role
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.progress import Observer
from accelsim.training import initial_state
from accelsim.training.calibration import calibrate
from accelsim.training.datasets import Split, read_dataset


@pytest.fixture(scope="module")
def digits(root):
    workload = load_workload(root / "workloads" / "digits_cnn.yaml")
    return workload, read_dataset(workload, None)


def _calibrated(digits, machine, images, first=0, scales=None):
    """Images that counted and the ranges found, with training images from ``first`` on."""
    workload, dataset = digits
    train = Split(np.asarray(dataset.train.images)[first:], dataset.train.labels[first:])
    network, recipe = workload.build(), machine.recipe()
    parameters = network.trace(recipe, workload.optimizer, 4).parameters
    datapath = Datapath(recipe, initial_state(parameters, 1), seed=1, scales=scales or ScaleState())
    moved = replace(dataset, train=train)
    before = {name: value.copy() for name, value in datapath.context.state.items()}
    count = calibrate(network, datapath, moved, images, step=0, observer=Observer())
    assert not datapath.context.calibrating
    for name, value in datapath.context.state.items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    return count, datapath.context.scales


def test_a_range_is_the_mean_over_images(digits, int8_machine):
    count, both = _calibrated(digits, int8_machine, 300)
    (_, first), (_, second) = _calibrated(digits, int8_machine, 256), _calibrated(digits, int8_machine, 44, first=256)
    assert count == 300
    assert both.running
    for name, found in both.running.items():
        assert found == pytest.approx((256 * first.running[name] + 44 * second.running[name]) / 300, rel=1e-12), name
    assert not both.history


def test_all_training_images_are_the_most(digits, int8_machine):
    assert _calibrated(digits, int8_machine, 10**9, first=1400)[0] == 37


def test_known_ranges_stay(digits, int8_machine):
    _, known = _calibrated(digits, int8_machine, 256)
    known.history["x"] = [1.0]
    count, again = _calibrated(digits, int8_machine, 256, first=500, scales=known)
    assert (count, again) == (0, known)
    some = ScaleState(running=dict(list(known.running.items())[-1:]))
    count, found = _calibrated(digits, int8_machine, 256, first=500, scales=some)
    assert count == 256
    assert found.running.keys() == known.running.keys()
    assert all(found.running[name] != known.running[name] for name in some.running)


def test_ends_of_a_range_are_no_largest_magnitudes(digits, root, int8_machine):
    """What an affine machine knows tells a symmetric one nothing, and the other way round."""
    affine = load_hwconfig(
        root / "hwconfigs" / "int8_range_bn.yaml", ["numerics.activation={format: uint8, affine: true}"]
    )
    (_, ends), (_, largest) = _calibrated(digits, affine, 256), _calibrated(digits, int8_machine, 256)
    assert ends.running.keys() > largest.running.keys()
    for machine, other, own in ((int8_machine, ends, largest), (affine, largest, ends)):
        count, found = _calibrated(digits, machine, 256, scales=other)
        assert (count, found.running) == (256, own.running)


def test_floats_have_no_ranges(digits, fp32_machine):
    assert fp32_machine.recipe()[Role.ACTIVATION].format.bits == 32
    assert _calibrated(digits, fp32_machine, 256) == (0, ScaleState())
