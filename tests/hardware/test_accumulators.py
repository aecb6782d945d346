"""What a hwconfig may say of its accumulators, and the recipe that follows."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.formats import Product
from accelsim.hardware import load_hwconfig


@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16", "fp16_e6m9"])
@pytest.mark.parametrize("hwconfig", ["bf16", "fp8_hybrid", "mxfp8"])
def test_floats_and_blocks_may_add_in_fewer_bits(root, hwconfig, name):
    path = root / "hwconfigs" / f"{hwconfig}.yaml"
    hw = load_hwconfig(path, [f"mac_array.accumulators.forward={name}", "mac_array.accumulate_chunk=64"])
    recipe = hw.recipe()
    assert (recipe.accumulators[Product.FORWARD].name, recipe.chunk) == (name, 64)
    assert recipe.accumulators[Product.WEIGHT_GRADIENT].name == "fp32"
    assert recipe.slice_bits is None


@pytest.mark.parametrize("name", ["fp8_e5m2", "int32", "mxfp8_e4m3"])
def test_other_accumulators_of_floats_are_refused(root, name):
    with pytest.raises(UserError, match=f"found {name}, but the operands are .* allowed: fp32, bf16, fp16, fp16_e6m9"):
        load_hwconfig(root / "hwconfigs" / "fp8_hybrid.yaml", [f"mac_array.accumulators.forward={name}"])


def test_a_chunk_of_integers_is_refused(root):
    path = root / "hwconfigs" / "int8_range_bn.yaml"
    with pytest.raises(UserError, match="accumulate_chunk=64: found 64, but no accumulator is floating-point"):
        load_hwconfig(path, ["mac_array.accumulate_chunk=64"])
    mixed = ["numerics.layer_gradient_weight_path=fp32", "mac_array.accumulators.weight_gradient=bf16"]
    assert load_hwconfig(path, ["mac_array.accumulate_chunk=64", *mixed]).recipe().chunk == 64


@pytest.mark.parametrize("chunk", ["0", "-1", "1.5", "many"])
def test_chunks_that_are_none(root, chunk):
    with pytest.raises(UserError, match=r"accumulate_chunk.*a whole number from 1 to"):
        load_hwconfig(root / "hwconfigs" / "fp8_hybrid.yaml", [f"mac_array.accumulate_chunk={chunk}"])


def test_the_operand_is_the_width_of_slices(root):
    path = root / "hwconfigs" / "int8_range_bn.yaml"
    found = [load_hwconfig(path, [f"mac_array.operand={name}"]).recipe().slice_bits for name in ("int4", "int8")]
    assert found == [4, 8]
