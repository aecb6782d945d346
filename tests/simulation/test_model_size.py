"""Model size: bytes of a network worked out by hand."""

from __future__ import annotations

import pytest

from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.simulation.model_size import model_size

LAYERS = [{"conv2d": {"filters": 4, "kernel": 3, "bias": False}}, "batch_norm", "flatten", {"linear": {"units": 3}}]
CONVOLUTION, DENSE = 4 * 3 * 3 * 2, 3 * 2 * 2 * 4
"""Weights on images of 4 x 4 x 2."""
PER_CHANNEL = "numerics.weight={format: int4, granularity: per_channel}"
AFFINE = "numerics.weight={format: uint8, affine: true}"
POWER_OF_TWO = "numerics.weight.scale_form=power_of_two"
E3M2 = "numerics.weight={format: fp6_e3m2, scale_form: power_of_two}"


@pytest.mark.parametrize(
    ("hwconfig", "setting", "weight", "scale_bytes", "zero_point"),
    [
        ("int8_range_bn", "", CONVOLUTION + DENSE, 4 * (2 + 2), 0),
        ("int8_range_bn", POWER_OF_TWO, CONVOLUTION + DENSE, 2 + 4 * 2, 0),
        ("int8_range_bn", PER_CHANNEL, (CONVOLUTION + DENSE) // 2, 4 * (4 + 3 + 2), 0),
        ("int8_range_bn", AFFINE, CONVOLUTION + DENSE, 4 * (2 + 2), 2),
        ("int8_range_bn", "numerics.weight=ternary", (CONVOLUTION + DENSE) // 4, 4 * (2 + 2), 0),
        ("fp8_hybrid", "", CONVOLUTION + DENSE, 4 * 2, 0),
        ("fp8_hybrid", E3M2, CONVOLUTION * 6 // 8 + DENSE * 6 // 8, 2, 0),
        # Two exponents of 5 bits in 2 bytes; gain and offset of the norm are integers with scales of their own.
        ("flexpoint", "", 2 * (CONVOLUTION + DENSE), 2 + 4 * 2, 0),
        # Blocks of 32: along the 2 input channels of each tap, and along 16 features.
        ("mxfp8", "", CONVOLUTION + CONVOLUTION // 2 + DENSE + 3, 0, 0),
        ("bf16", "", 2 * (CONVOLUTION + DENSE), 0, 0),
        ("fp32", "", 4 * (CONVOLUTION + DENSE), 0, 0),
    ],
)
def test_bytes_by_hand(root, hwconfig, setting, weight, scale_bytes, zero_point):
    """Of integers gain and offset have a scale, too; a bias has that of the accumulators."""
    settings = [setting] if setting else []
    recipe = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", settings).recipe()
    network = Network([parse_layer(layer) for layer in LAYERS], (4, 4, 2), 3)
    sizes = model_size(network.trace(recipe, Sgd(learning_rate=0.1), 4).parameters, recipe)
    found = sizes.groupby("class")["bytes"].sum()
    norm = 2 if hwconfig in ("int8_range_bn", "flexpoint") else 4
    expected = {"weight": weight, "bias": 3 * 4, "norm_parameter": 2 * 4 * norm, "norm_statistic": 2 * 4 * 4}
    expected |= {"scale": scale_bytes} if scale_bytes else {}
    expected |= {"zero_point": zero_point} if zero_point else {}
    assert found.to_dict() == expected
