"""Every way to get a workload wrong; a layer is blamed at its own line, in branches too."""

from __future__ import annotations

import pytest

from accelsim.layers import LAYERS, OPTIMIZERS

KINDS = ", ".join(sorted(LAYERS))
UPDATES = ", ".join(sorted(OPTIMIZERS))
LAYER_CASES = [
    ("conv3d", f"10:7: network.layers.1: no layer is called 'conv3d' (did you mean 'conv2d'?); allowed: {KINDS}"),
    (
        "{conv2d: {filters: 3}}",
        "10:8: network.layers.1.conv2d.kernel: missing; allowed: a whole number from 1 to 4096, or",
    ),
    (
        "{conv2d: {filters: 0, kernel: 3}}",
        "10:17: network.layers.1.conv2d.filters: found 0; allowed: a whole number from 1",
    ),
    (
        "{conv2d: {filters: 3, kernel: 0}}",
        "10:29: network.layers.1.conv2d.kernel: found 0; allowed: a whole number from 1",
    ),
    (
        "{conv2d: {filter: 3, kernel: 3}}",
        "10:17: network.layers.1.conv2d.filter: unknown field (did you mean 'filters'?)",
    ),
    ("{conv2d: {filters: 3, kernel: big}}", "10:29: network.layers.1.conv2d.kernel: found 'big'"),
    (
        "{conv2d: {filters: 3, kernel: [1, 2, 3]}}",
        "found a list of 3 (1, 2, 3); allowed: a whole number from 1 to 4096, or a",
    ),
    ("{conv2d: {filters: 3, kernel: [1]}}", "10:29: network.layers.1.conv2d.kernel: found a list of 1 (1)"),
    ("{conv2d: {filters: 3, kernel: [true, 2]}}", "10:29: network.layers.1.conv2d.kernel: found a list of 2"),
    (
        "{conv2d: {filters: 3, kernel: 3, bias: 5}}",
        "10:40: network.layers.1.conv2d.bias: found 5; allowed: true or false",
    ),
    ("{conv2d: [1]}", "10:8: network.layers.1.conv2d: found a list of 1 (1); allowed: the fields name, bias, filters"),
    ("{conv2d: {}, relu: {}}", "10:7: network.layers.1: a layer is a kind, or one kind with its fields"),
    ("5", "10:7: network.layers.1: a layer is a kind, or one kind with its fields (found 5)"),
    ("null", "10:7: network.layers.1: a layer is a kind, or one kind with its fields (found nothing)"),
    ("{relu: 5}", "10:8: network.layers.1.relu: found 5; allowed: the fields name"),
    ("{1: {}}", "10:7: network.layers.1: no layer is called '1'"),
    ("{relu: {bias: true}}", "10:15: network.layers.1.relu.bias: unknown field; allowed: name"),
    ("{batch_norm: {spread: rnge}}", "found 'rnge'; allowed: machine, range, deviation, l1 (did you mean 'range'?)"),
    ("{batch_norm: {running_momentum: .nan}}", "found nan; allowed: a number from 0 to below 1"),
    ("{conv2d: {filters: 3, kernel: 3, name: loss}}", "10:7: network.layers.1: no layer may be called 'loss'"),
    ("{relu: {name: loss_scale}}", "no layer may be called 'loss_scale', the name of loss scaling"),
    ("{relu: {name: clip_norm}}", "no layer may be called 'clip_norm', the name of gradient clipping"),
    (
        "{conv2d: {filters: 3, kernel: 3, name: conv2d1}}",
        "10:7: network.layers.1: two layers are called 'conv2d1' (first on line 9)",
    ),
    ("{residual: {}}", "10:8: network.layers.1.residual.body: missing"),
    ("{residual: {body: []}}", "10:19: network.layers.1.residual.body: found an empty list"),
    ("{residual: {body: relu}}", "10:19: network.layers.1.residual.body: found 'relu'"),
    ("{residual: {body: [relu, {conv9: {}}]}}", "10:32: network.layers.1.residual.body.1: no layer is called 'conv9'"),
    (
        "{residual: {body: [relu], shortcut: [{conv2d: {filters: 16, kernal: 1}}]}}",
        "network.layers.1.residual.shortcut.0.conv2d.kernal: unknown field (did you mean 'kernel'?)",
    ),
    (
        "{residual: {body: [{residual: {body: [{conv2d: {filtrs: 3, kernel: 3}}]}}]}}",
        "10:55: network.layers.1.residual.body.0.residual.body.0.conv2d.filtrs: unknown field (did you mean 'filt",
    ),
    ("{gated: {value: [relu]}}", "10:8: network.layers.1.gated.gate: missing"),
    (
        "{multi_head_attention: {heads: 4, kv_heads: 3}}",
        "10:41: network.layers.1.multi_head_attention.kv_heads: found 3, which doesn't divide the 4 heads",
    ),
    (
        "{multi_head_attention: {heads: 4, rotary: {bse: 3}}}",
        "multi_head_attention.rotary.bse: unknown field (did you mean 'base'?); allowed: base",
    ),
    ("{multi_head_attention: {heads: 4, rotary: {base: 1}}}", "rotary.base: found 1; allowed: a number above 1"),
    # Shapes that don't fit.
    (
        "{gated: {gate: [{conv2d: {filters: 3, kernel: 1}}]}}",
        "10:7: network.layers.1: layer gated1 (gated): cannot multiply conv2d2.product of shape",
    ),
    ("{conv2d: {filters: 8, kernel: 11}}", "10:7: network.layers.1: layer conv2d2 (conv2d): a 11x11 window"),
    ("{max_pool2d: {kernel: 9}}", "10:7: network.layers.1: layer max_pool2d1 (max_pool2d): a 9x9 window"),
    (
        "{max_pool2d: {kernel: 2, padding: 2}}",
        "10:7: network.layers.1: layer max_pool2d1 (max_pool2d): pooling padding",
    ),
    ("{linear: {units: 3}}", "10:7: network.layers.1: layer linear1 (linear): needs an input of batch and features"),
    ("flatten", "12:7: network.layers.3: layer conv2d2 (conv2d): needs an input of batch, height, width and channels"),
    (
        "{residual: {body: [{conv2d: {filters: 4, kernel: 1}}]}}",
        "10:7: network.layers.1: layer residual1 (residual): cannot",
    ),
    (
        "{residual: {body: [{conv2d: {filters: 16, kernel: 30}}]}}",
        "10:26: network.layers.1.residual.body.0: layer conv2d2",
    ),
    (
        "{residual: {body: [relu], shortcut: [{linear: {units: 3}}]}}",
        "10:44: network.layers.1.residual.shortcut.0: layer",
    ),
]
FIELD_CASES = [
    (
        "    - flatten\n",
        "",
        "16:7: network.layers.7: layer linear1 (linear): needs an input of batch and features (put flatten",
    ),
    ("units: 10", "units: 11", "17:7: network.layers.8: layer linear1 (linear): ends the network with shape (32, 11)"),
    ("classes: 10", "classes: 9", "7:3: network.classes: found 9, but digits has 10 classes"),
    ("classes: 10", "classes: 1", "7:3: network.classes: found 1; allowed: a whole number from 2 to 65535"),
    ("[8, 8, 1]", "[8, 8, 3]", "6:3: network.input_shape: found [8, 8, 3], but the images of digits are [8, 8, 1]"),
    ("[8, 8, 1]", "[8, 8]", "6:3: network.input_shape: found a list of 2 (8, 8); allowed: a list of 3"),
    (
        "kind: digits",
        "kind: digit",
        "4:11: dataset.kind: no data set is called 'digit'; allowed: digits, fashion_mnist",
    ),
    ("kind: digits", "kind: null", "4:11: dataset.kind: found nothing; allowed: digits, fashion_mnist, cifar10"),
    ("{kind: digits}", "digits", "4:1: dataset: found 'digits'; allowed: the fields kind, folder"),
    ("dataset: {kind: digits}\n", "", "2:1: dataset: missing"),
    ("batch_size: 32", "batch_size: 0", "18:1: batch_size: found 0; allowed: a whole number from 1 to 1048576"),
    ("batch_size: 32", "batch_size: true", "18:1: batch_size: found true"),
    ("epochs: 12", "epochs: 0", "19:1: epochs: found 0; allowed: a whole number from 1 to 1000000"),
    ("learning_rate: 0.05", "learning_rate: -1", "20:24: optimizer.learning_rate: found -1; allowed: a number above 0"),
    ("learning_rate: 0.05", "learning_rate: .nan", "20:24: optimizer.learning_rate: found nan"),
    ("momentum: 0.9", "momentum: 1", "20:45: optimizer.momentum: found 1; allowed: a number from 0 to below 1"),
    ("kind: sgd", "kind: adam", f"20:13: optimizer.kind: found 'adam'; allowed: {UPDATES} (did you mean 'adamw'?)"),
    (
        "kind: cosine",
        "kind: cosin",
        "21:12: schedule.kind: found 'cosin'; allowed: constant, step, cosine, linear (did",
    ),
    ("kind: cosine", "kind: cosine, milestones: [1]", "21:"),
    (
        "kind: cosine",
        "kind: step, milestones: [x]",
        "21:37: schedule.milestones.0: found 'x'; allowed: a number above 0",
    ),
    ("seed: 1", "seed: -1", "22:1: seed: found -1; allowed: a whole number from 0 to 4294967295"),
    ("seed: 1", "seed: 99999999999", "22:1: seed: found 99999999999"),
    ("name: digits_cnn", "name: digits cnn", "2:1: name: found 'digits cnn'"),
]


def _check(accelsim, workload, tmp_path, before, after):
    text = workload.read_text(encoding="utf-8")
    assert before in text
    path = tmp_path / "work.yaml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    ran = accelsim("check", path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {path}:")
    return ran.err


@pytest.mark.parametrize(("layer", "expected"), LAYER_CASES, ids=[case[0] for case in LAYER_CASES])
def test_a_wrong_layer_is_blamed_at_its_own_place(accelsim, workload, tmp_path, layer, expected):
    err = _check(accelsim, workload, tmp_path, "    - batch_norm\n", f"    - {layer}\n")
    assert expected in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("before", "after", "expected"), FIELD_CASES)
def test_a_wrong_field(accelsim, workload, tmp_path, before, after, expected):
    err = _check(accelsim, workload, tmp_path, before, after)
    assert expected in err
    assert err.count("\n") == 1


def test_a_bare_kind_lacks_its_fields(accelsim, workload, tmp_path):
    err = _check(accelsim, workload, tmp_path, "    - batch_norm\n", "    - conv2d\n")
    assert "10:7: network.layers.1.conv2d.filters: missing; allowed: a whole number from 1 to 65536" in err
    assert "10:7: network.layers.1.conv2d.kernel: missing" in err


def test_batch_norm_over_one_value(accelsim, workload, tmp_path):
    text = workload.read_text(encoding="utf-8").replace(
        "    - flatten\n", "    - global_average_pool\n    - batch_norm\n"
    )
    path = tmp_path / "work.yaml"
    path.write_text(text.replace("batch_size: 32", "batch_size: 1"))
    assert (
        f"{path}:17:7: network.layers.8: layer batch_norm3 (batch_norm): normalises over 1 value"
        in accelsim("check", path).err
    )


def test_a_typo_deep_in_a_long_network(accelsim, root, tmp_path):
    text = (root / "workloads" / "cifar10_resnet20.yaml").read_text(encoding="utf-8")
    path = tmp_path / "work.yaml"
    path.write_text(text.replace("padding: $padding, bias: false", "padding: $padding, bia: false", 1))
    found = accelsim("check", path).err
    assert f"{path}:15:" in found
    assert "conv2d.bia: unknown field" in found
    assert "(in block 'conv', used on line " in found
    path.write_text(text.replace("conv: {filters: $width, kernel: 1", "conv: {filters: 33, kernel: 1", 1))
    assert "layer residual4 (residual): cannot add" in accelsim("check", path).err
