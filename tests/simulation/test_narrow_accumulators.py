"""Accumulators that are warned of, held against sums of Gaussian codes."""

from __future__ import annotations

import numpy as np
import pytest

import accelsim
from accelsim.progress import Observer
from accelsim.simulation import stages
from accelsim.simulation.inputs import read_inputs
from accelsim.simulation.narrow_accumulators import narrow_accumulators

TERMS = 512
"""Of the last layer of digits_cnn, whose sums are the longest of its forward pass."""


def _warned(root, *settings, workload="digits_cnn", hwconfig="int8_range_bn"):
    files = root / "hwconfigs" / f"{hwconfig}.yaml", root / "workloads" / f"{workload}.yaml"
    inputs = read_inputs(*files, settings=settings)
    return narrow_accumulators(stages.trace(inputs).program, inputs.recipe.overflow)


def _codes(rng, bits, shape):
    values = rng.normal(size=shape)
    return np.rint(values * (2 ** (bits - 1) - 1) / np.abs(values).max()).astype(np.int64)


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_sums_of_gaussian_codes_leave_what_is_warned_of(root, rng, bits):
    sums = np.abs(_codes(rng, bits, (400, TERMS)) @ _codes(rng, bits, (TERMS, 400)))
    operands = [f"numerics.{role}.format=int{bits}" for role in ("weight", "activation")]
    (warning,) = _warned(root, *operands, "mac_array.accumulators.forward=int6")
    needed = int(warning.split("about ")[1].split(" bits")[0])
    assert (sums >= 2 ** (needed - 3)).any(), "two bits less overflow"
    assert (sums < 2 ** (needed - 1)).all()
    assert _warned(root, *operands, f"mac_array.accumulators.forward=int{needed}") == []


def test_a_reference_with_wide_operands_on_the_old_accumulators(root):
    (warning,) = _warned(root, "numerics.weight=int16", "numerics.activation=int16", "mac_array.overflow=saturate")
    assert warning.startswith("mac_array.accumulators.forward: sums of 2 of 3 products may saturate in int32; linear1")
    assert "adds 512 products of int16 and int16" in warning


@pytest.mark.parametrize(
    "setting", ["micro_batches=2", "network.recompute=3", "cluster={machines: 2, link_bytes_per_s: 1e9}"]
)
def test_products_that_are_made_often_count_once(root, setting):
    (warning,) = _warned(root, "numerics.weight=int16", "numerics.activation=int16", setting)
    assert "sums of 2 of 3 products may wrap in int32" in warning


@pytest.mark.parametrize(
    "hwconfig", ["int8_range_bn", "int4_first_last_int8", "flexpoint", "tpu_v1", "gemmini", "bf16"]
)
@pytest.mark.parametrize("workload", ["digits_vit", "imagenet_resnet18"])
def test_shipped_machines_have_room(root, hwconfig, workload):
    assert _warned(root, hwconfig=hwconfig, workload=workload) == []


def test_it_is_said_before_the_training_and_stands_in_the_summary(root):
    said = []

    class Listener(Observer):
        def say(self, text):
            said.append(text)

    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    settings = ["mac_array.accumulators.weight_gradient=int20"]
    result = accelsim.simulate(*files, settings=settings, steps=1, observer=Listener())
    (warning,) = [text for text in result.summary["warnings"] if "mac_array.accumulators.weight_gradient" in text]
    assert f"warning: {warning}" in said
