"""Entries for some layers are validated as the machine's own numerics are, at their own lines."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.formats import Role
from accelsim.hardware import HardwareConfig, has_at_least, load_hwconfig

LAYERS = "numerics.layers"
CASES = [
    ("weight: int17", "weight: found int17; allowed: int2 to int16, float, block, flexpoint, ternary, binary"),
    ("weight: int9x", "weight: no number format is called 'int9x'; allowed: intN"),
    ("activation: uint8", "activation: found uint8, which has no negative codes and no zero point; add 'affine: true'"),
    ("bias: {format: int16, affine: true}", "bias.affine: found true; tensors with a zero point: weight,"),
    ("activation: {format: int8, granularity: per_channel}", "activation.granularity: found 'per_channel'; allowed:"),
    ("weight: {format: int8, rounding: nearst}", "weight.rounding: found 'nearst'; allowed: nearest, "),
    ("weight: bf16", "weight: found bf16, but numerics.weight is int8; allowed: an integer format"),
    ("weight_data_gradient: bf16", "weight_data_gradient: found bf16, but numerics.weight_data_gradient is int8;"),
    (
        "weight_gradient: int8",
        "weight_gradient: found int8, but numerics.weight_gradient is fp32; allowed: a floating",
    ),
    ("master_weight: bf16", "master_weight: master_weight has one choice for all layers: the update unit"),
    ("loss: fp32", "loss: loss has one choice for all layers: the loss is no layer; leave it out here"),
    ("weigth: int8", "weigth: unknown field (did you mean 'weight'?); allowed: match, weight, "),
]


def written(root, tmp_path, hwconfig, *entries):
    """A hwconfig file with entries from its last line on, and the number of that line."""
    text = (root / "hwconfigs" / f"{hwconfig}.yaml").read_text(encoding="utf-8").rstrip() + "\n  layers:\n"
    path = tmp_path / "hw.yaml"
    path.write_text(text + "".join(f"    - {entry}\n" for entry in entries), encoding="utf-8")
    return path, len(text.splitlines())


@pytest.mark.parametrize(("role", "said"), CASES)
def test_a_fault_of_an_entry(root, tmp_path, role, said):
    path, last = written(root, tmp_path, "int8_range_bn", "{match: '*', weight: int4}", f"{{match: first, {role}}}")
    with pytest.raises(UserError) as error:
        load_hwconfig(path)
    found = str(error.value)
    assert found.startswith(f"{path}:{last + 2}:")
    assert f"{LAYERS}.1.{said}" in found
    assert "\n" not in found


def test_every_fault_is_told(root, tmp_path):
    entries = "{match: first}", "{match: [], weight: int4}", "{weight: int4}", "{match: last, weight: 4}"
    path, last = written(root, tmp_path, "int8_range_bn", *entries)
    with pytest.raises(UserError) as error:
        load_hwconfig(path)
    lines = str(error.value).splitlines()
    assert [int(line.split(":")[1]) - last for line in lines] == [1, 2, 3, 4]
    assert f"{LAYERS}.0: gives no role anew; allowed: weight, " in lines[0]
    assert f"{LAYERS}.1.match: found an empty list; allowed: first, last, a layer's name" in lines[1]
    assert f"{LAYERS}.2.match: missing; allowed: first, last" in lines[2]


def test_multipliers_of_integers_take_no_floats(root, tmp_path):
    """Blocks of integers are floats to the accumulators, but their elements aren't to the multipliers."""
    blocks = ["mac_array.operand=int8", "numerics.weight=int8_b32", "numerics.activation=int8_b32"]
    path, _ = written(root, tmp_path, "mxfp8", "{match: first, weight: int4_b16}", "{match: last, weight: bf16}")
    with pytest.raises(UserError, match=rf"{LAYERS}\.1\.weight: found bf16, but mac_array.operand is int8; allowed: b"):
        load_hwconfig(path, blocks)
    assert load_hwconfig(path).numerics.layers is not None


def test_a_layer_alone_needs_a_quantise_unit(root, tmp_path):
    path, _ = written(root, tmp_path, "fp32", "{match: last, activation: bf16}")
    path.write_text(path.read_text(encoding="utf-8").replace("quantise_unit:", "#"), encoding="utf-8")
    with pytest.raises(UserError, match=r"quantise_unit: missing, and numerics.activation is bf16"):
        load_hwconfig(path)


def test_an_empty_list_is_none(root):
    path = root / "hwconfigs" / "int8_range_bn.yaml"
    assert load_hwconfig(path, [f"{LAYERS}=[]"]) == load_hwconfig(path)


def test_fields_of_an_entry_can_be_set(root, tmp_path):
    path, _ = written(root, tmp_path, "int8_range_bn", "{match: first, weight: int4}")
    hw = load_hwconfig(path, [f"{LAYERS}.0.weight.rounding=truncate", f"{LAYERS}.0.match=last"])
    (entry,) = hw.numerics.layers
    assert (entry.match, str(entry.weight.rounding), entry.weight.format) == (("last",), "truncate", "int4")
    assert HardwareConfig.model_validate(hw.model_dump(mode="json")) == hw


def test_numerics_of_layers_make_another_machine(root, tmp_path):
    path, _ = written(root, tmp_path, "int8_range_bn", "{match: first, weight: int4}")
    hw, plain = load_hwconfig(path), load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml")
    assert not has_at_least(hw, plain)
    assert not has_at_least(plain, hw)
    assert has_at_least(hw, hw)
    assert hw.recipe()[Role.WEIGHT] == plain.recipe()[Role.WEIGHT]
