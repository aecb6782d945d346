"""A training that diverges says why: a rate too high, or accumulators that overflowed."""

from __future__ import annotations

import pytest

import accelsim
from accelsim.errors import UserError

WORKLOAD = "workloads/digits_cnn.yaml"


def _train(root, *settings):
    return accelsim.simulate(root / "hwconfigs" / "fp8_hybrid.yaml", root / WORKLOAD, steps=3, settings=settings)


@pytest.mark.parametrize(
    ("product", "operation", "role"),
    [
        ("forward", "conv2d1/forward/conv2d", "activation"),
        ("data_gradient", "linear1/data_gradient/matmul_backward_data", "layer_gradient_data_path"),
        ("weight_gradient", "conv2d1/weight_gradient/conv2d_backward_weights", "activation"),
    ],
)
def test_an_overflow_is_named_with_its_remedies(root, product, operation, role):
    """fp8 operands are scaled to the largest fp8 number, 448: a product of two is beyond fp16's 65,504."""
    with pytest.raises(UserError, match=r"^training diverged: .* is not finite in step [01]; the") as caught:
        _train(root, f"mac_array.accumulators.{product}=fp16")
    text = str(caught.value)
    assert f"the fp16 accumulators of {operation} overflowed to infinity in step 0" in text
    assert "their largest number is 65504" in text
    assert f"mac_array.accumulators.{product} with a wider exponent" in text
    assert f"numerics.{role}.headroom" in text
    assert "learning rate" not in text


def test_the_remedies_help(root):
    fp16 = "mac_array.accumulators.forward=fp16"
    headroom = [f"numerics.{role}.headroom=64" for role in ("activation", "weight")]
    assert _train(root, fp16, *headroom).summary["steps"] == 3
    assert _train(root, "mac_array.accumulators.forward=fp16_e6m9").summary["steps"] == 3


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("clip", [[], ["optimizer.clip_norm=1.0"]])
def test_a_rate_too_high_is_blamed_where_nothing_overflowed(root, clip):
    settings = ["optimizer={learning_rate: 1000, weight_decay: 10}", "schedule={kind: constant}", *clip]
    with pytest.raises(UserError, match=r"^training diverged: .*; a lower learning rate may help$"):
        accelsim.simulate(root / "hwconfigs" / "bf16.yaml", root / WORKLOAD, steps=40, settings=settings)
