"""A training that diverges says why: a rate too high, or accumulators that overflowed."""

from __future__ import annotations

import numpy as np
import pytest

import accelsim
from accelsim.datapath import Datapath
from accelsim.datapath.divergence import finite_loss
from accelsim.errors import UserError
from accelsim.formats import FP32, Role, integer
from accelsim.training.checkpoint import read_checkpoint, save_checkpoint

WORKLOAD = "workloads/digits_cnn.yaml"
DIVERGED = r"^(training|evaluation) diverged: .* (step \d+|\d+ training steps); a lower learning rate may help$"


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


@pytest.mark.parametrize("name", ["ternary", "binary", "int8", "int8_b32", "mxint8", "fp8_e4m3"])
def test_weights_that_ran_away_end_the_run_in_every_family(root, name):
    machine = "int8_range_bn" if name in ("ternary", "binary", "int8") else "mxfp8"
    runs_away = "optimizer={learning_rate: 1000, momentum: 0.99, weight_decay: 10, no_decay: []}"
    with pytest.raises(UserError, match=DIVERGED):
        accelsim.simulate(
            root / "hwconfigs" / f"{machine}.yaml",
            root / WORKLOAD,
            steps=40,
            settings=[f"numerics.weight={name}", runs_away],
        )


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Noise in 10 and in 3 classes, as .npz files."""
    rng, found = np.random.default_rng(3), {}
    for classes in (10, 3):
        x, y = rng.integers(0, 256, (160, 8, 8), dtype=np.uint8), (np.arange(160) % classes).astype(np.uint8)
        found[classes] = tmp_path_factory.mktemp("images") / f"{classes}.npz"
        np.savez(found[classes], x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    return found


@pytest.mark.parametrize(("rate", "classes"), [(10, 10), (100, 3), (1000, 10)])
@pytest.mark.parametrize("hwconfig", ["fp32", "bf16", "mxfp8"])
def test_a_rate_too_high_is_blamed_where_nothing_overflowed(root, images, hwconfig, rate, classes):
    """An even and an odd number of classes; NumPy's warnings would be errors here."""
    settings = [f"optimizer={{learning_rate: {rate}, momentum: 0.9}}", "schedule={kind: constant}"]
    settings += ["dataset={kind: npz}", f"network.classes={classes}", f"network.layers.8.linear.units={classes}"]
    with pytest.raises(UserError, match=DIVERGED):
        accelsim.simulate(
            root / "hwconfigs" / f"{hwconfig}.yaml",
            root / WORKLOAD,
            settings=[*settings, "epochs=30"],
            data=images[classes],
        )


def test_a_norm_of_gradients_that_is_not_finite(root):
    settings = ["optimizer={learning_rate: 1000, weight_decay: 10}", "schedule={kind: constant}"]
    with pytest.raises(UserError, match=DIVERGED):
        accelsim.simulate(
            root / "hwconfigs" / "bf16.yaml", root / WORKLOAD, steps=40, settings=[*settings, "optimizer.clip_norm=1.0"]
        )


@pytest.mark.parametrize(
    ("workload", "backend", "bad"), [("digits_cnn", "compiled", np.nan), ("digits_vit", "numpy", np.inf)]
)
def test_weights_that_are_not_finite_stop_an_evaluation(root, tmp_path, workload, backend, bad):
    """The first weights of the network, so that all layers behind them hand on what they made of it."""
    paths = root / "hwconfigs" / "fp32.yaml", root / "workloads" / f"{workload}.yaml"
    accelsim.simulate(*paths, steps=1, out=tmp_path)
    checkpoint = read_checkpoint(tmp_path / "checkpoint.safetensors")
    weights = next(value for name, value in checkpoint.state.items() if name.endswith("weight"))
    weights[:] = bad
    save_checkpoint(checkpoint, tmp_path / "checkpoint.safetensors")
    with pytest.raises(UserError, match=r"^evaluation diverged: logits are not finite after 1 training steps; a lower"):
        accelsim.evaluate(tmp_path, backend=backend)


def test_an_infinity_that_a_row_outlives_is_reported(fp32_machine):
    """The loss of a row stays finite where a logit is -inf and not the label's."""
    machine = Datapath(fp32_machine.recipe(), {}, seed=1)
    for training, error in ((True, "training diverged: logits .* in step 7"), (False, "evaluation diverged: logits")):
        machine.begin_step(7, training=training)
        logits = machine.external("x", (1, 2), FP32, Role.LOSS, np.array([[1, -np.inf]], dtype=np.float32))
        labels = machine.external("y", (1,), integer(16, signed=False), Role.LABEL, np.zeros(1, dtype=np.uint16))
        loss, _ = machine.softmax_cross_entropy(logits, labels)
        assert np.isfinite(loss.data[0])
        with pytest.raises(UserError, match=error):
            finite_loss(machine.context, loss, logits)
