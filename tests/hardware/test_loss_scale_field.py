"""numerics.loss_scale: a number, the word dynamic or its fields, and what is refused."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.formats import Adaptation, LossScale
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.simulation.decides_bits import bits_of

FORMS = {
    "1024": LossScale(1024.0),
    "0.5": LossScale(0.5),
    "dynamic": LossScale(65536.0, Adaptation()),
    "{}": LossScale(65536.0, Adaptation()),
    "{initial: 8, growth: 4, backoff: 0.25, interval: 3, minimum: 2, maximum: 32}": LossScale(
        8.0, Adaptation(4.0, 0.25, 3, 2.0, 32.0)
    ),
    "{dynamic: false, initial: 4}": LossScale(4.0),
}
NEAREST = "which is no power of two, and others scale inexactly; the nearest are"
FAULTS = {
    "1000": f"loss_scale=1000: found 1000, {NEAREST} 512 and 1024",
    "0.3": f"found 0.3, {NEAREST} 0.25 and 0.5",
    "0": "found 0; allowed: a power of two from 2^-24 to 2^64",
    "-4": "found -4; allowed: a power of two from 2^-24 to 2^64",
    ".nan": "found nan; allowed: a power of two",
    "true": "found true; allowed: a power of two (static), dynamic, or its fields initial, growth",
    "dynamc": "found 'dynamc'; allowed: a power of two (static), dynamic, or its fields initial, growth, backoff, "
    "interval, minimum, maximum (did you mean 'dynamic'?)",
    "[1]": "found a list of 1 (1); allowed: a power of two (static)",
    "{initial: 3}": f"initial: found 3, {NEAREST} 2 and 4",
    "{initial: 0.5}": "initial: found 0.5; allowed: minimum (1) to maximum (16777216)",
    "{minimum: 8, maximum: 4, initial: 4}": "initial: found 4; allowed: minimum (8) to maximum (4)",
    "{growth: 1}": "growth: found 1; allowed: a power of two from 2 to 65536",
    "{growth: 3}": f"growth: found 3, {NEAREST} 2 and 4",
    "{backoff: 1}": "backoff: found 1; allowed: a power of two from 2^-16 to 0.5",
    "{interval: 0}": "interval: found 0; allowed: a whole number from 1 to 1000000000",
    "{intervl: 3}": "intervl: unknown field (did you mean 'interval'?)",
    "{dynamic: false, interval: 3}": "interval: found 3, but it belongs to a dynamic scale; leave it out",
}


def _load(root, *settings, hwconfig="fp16_mixed"):
    return load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", settings)


@pytest.mark.parametrize("form", FORMS)
def test_forms(root, form):
    hw = _load(root, f"numerics.loss_scale={form}")
    assert hw.recipe().loss_scale == FORMS[form]
    assert hw.recipe().skips_overflows == FORMS[form].dynamic
    written = hw.model_dump(mode="json")
    assert HardwareConfig.model_validate(written) == hw


def test_left_out_it_is_not_written(root):
    """So that checkpoints from before it was known still belong to their runs."""
    hw = _load(root, hwconfig="bf16")
    assert hw.recipe().loss_scale is None
    assert "loss_scale" not in bits_of(hw)["numerics"]
    assert "loss_scale" in bits_of(_load(root))["numerics"]


@pytest.mark.parametrize("form", FAULTS)
def test_faults(root, form):
    with pytest.raises(UserError) as caught:
        _load(root, f"numerics.loss_scale={form}")
    assert FAULTS[form] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("hwconfig", "settings", "found"),
    [
        ("int8_range_bn", [], "layer_gradient_data_path is int8"),
        ("flexpoint", [], r"layer_gradient_data_path is flex16\+5"),
        ("bf16", ["numerics.layer_gradient_weight_path=flex16+5"], r"layer_gradient_weight_path is flex16\+5"),
    ],
)
def test_gradients_under_scales_of_their_own_are_refused(root, hwconfig, settings, found):
    match = rf"found a scale, but numerics\.{found}, whose scale follows the gradients; leave it out$"
    with pytest.raises(UserError, match=match):
        _load(root, *settings, "numerics.loss_scale=1024", hwconfig=hwconfig)


@pytest.mark.parametrize("hwconfig", ["fp32", "bf16", "fp8_hybrid", "mxfp8", "nvfp4"])
def test_floats_and_blocks_take_one(root, hwconfig):
    assert _load(root, "numerics.loss_scale=2", hwconfig=hwconfig).recipe().loss_scale == LossScale(2.0)
